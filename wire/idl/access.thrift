/*
 * What every port has beside its service: how a connection says whose it is. It is called first, on the connection that is to be used.
 */
include "roost.thrift"

namespace rb Roost.Access
namespace py access
namespace js access

service Access {
  /*
   * Unauthenticated: the token is unknown, and the connection closes. Overloaded: its owner has no connection left. FailedPrecondition: the connection has
   * shown a token before. A server on which everybody may do everything takes any token.
   */
  void authenticate(1: string token) throws (1: roost.RoostException ex)
}
