/*
 * Gizzard's job injector: takes jobs from other clusters and from tools, as JSON.
 * Numbers and types are those of the original service, so that its clients work unchanged.
 */
namespace rb Gizzard
namespace py injector
namespace js injector

/* code, as in RoostException, comes only where jobs were replicated: clients of the original service do not know it. */
exception JobException {
  1: string description
  2: optional string code
}

/* priority: 1 low, 2 medium, 3 high. is_replicated: it comes from another cluster, and goes no further. */
struct Job {
  1: i32 priority
  2: binary contents
  3: optional bool is_replicated
}

service JobInjector {
  /* Answers once all jobs are in the journal. Those of one priority are accepted together or not at all. */
  void inject_jobs(1: list<Job> jobs) throws (1: JobException ex)
}
