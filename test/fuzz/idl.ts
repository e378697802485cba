import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type IdlType =
  | { readonly kind: 'bool' | 'i32' | 'i64' | 'double' | 'string' | 'binary' }
  | { readonly kind: 'list'; readonly of: IdlType }
  | { readonly kind: 'map'; readonly from: IdlType; readonly to: IdlType }
  | { readonly kind: 'struct'; readonly name: string }
  | { readonly kind: 'enum'; readonly values: readonly number[] };

export interface IdlField {
  readonly id: number;
  readonly name: string;
  readonly type: IdlType;
}

export interface IdlMethod {
  readonly name: string;
  readonly arguments: readonly IdlField[];
}

/**
 * The structs by name, and the methods of each service, inherited methods included. Names are unique over all files.
 */
export interface Idl {
  readonly structs: ReadonlyMap<string, readonly IdlField[]>;
  readonly services: ReadonlyMap<string, readonly IdlMethod[]>;
}

const folder = join(import.meta.dirname, '..', '..', 'wire', 'idl');

/** Reads files of `wire/idl/`, in the part of the language that these use. Throws if a file uses more of it. */
export function readIdl(files: readonly string[]): Idl {
  const reader = new IdlReader();
  for (const file of files) reader.read(file);
  return { structs: reader.structs, services: reader.services };
}

class IdlReader {
  readonly structs = new Map<string, readonly IdlField[]>();
  readonly services = new Map<string, readonly IdlMethod[]>();
  readonly #enums = new Map<string, readonly number[]>();
  readonly #read = new Set<string>();

  read(file: string): void {
    if (this.#read.has(file)) return;
    this.#read.add(file);
    const text = readFileSync(join(folder, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, included] of text.matchAll(/^include "(.*)"/gm)) this.read(included!);
    // A field may refer to a name that is defined later.
    for (const [, name, body] of text.matchAll(/^enum (\w+) \{([^}]*)\}/gm)) {
      let next = 0;
      const values: number[] = [];
      for (const [, value] of body!.matchAll(/[A-Za-z]\w*(?: = (\d+))?/g)) {
        values.push(Number(value ?? next));
        next = values.at(-1)! + 1;
      }
      this.#enums.set(name!, values);
    }
    for (const [, name, body] of text.matchAll(/^(?:struct|union|exception) (\w+) \{([^}]*)\}/gm))
      this.structs.set(name!, this.#fields(body!));
    for (const [, name, , parent, body] of text.matchAll(/^service (\w+)( extends ([\w.]+))? \{([^}]*)\}/gm)) {
      const own = [...body!.matchAll(/^\s*\S+(?:<[^>]*>)? (\w+)\(([^)]*)\)/gm)].map(([, method, args]) => ({
        name: method!,
        arguments: this.#fields(args!),
      }));
      this.services.set(name!, [...(parent === undefined ? [] : this.services.get(localName(parent))!), ...own]);
    }
  }

  #fields(text: string): IdlField[] {
    return [...text.matchAll(/(\d+): (?:required |optional )?([\w.<>, ]+?) (\w+)(?= =|,|$|\s*\n|\s*\))/gm)].map(
      ([, id, type, name]) => ({ id: Number(id), name: name!, type: this.#type(type!) }),
    );
  }

  #type(text: string): IdlType {
    const [, list] = /^list<(.*)>$/.exec(text) ?? [];
    if (list !== undefined) return { kind: 'list', of: this.#type(list) };
    const [, from, to] = /^map<(.*), ?(.*)>$/.exec(text) ?? [];
    if (from !== undefined) return { kind: 'map', from: this.#type(from), to: this.#type(to!) };
    switch (text) {
      case 'bool':
      case 'i32':
      case 'i64':
      case 'double':
      case 'string':
      case 'binary':
        return { kind: text };
    }
    const name = localName(text);
    const values = this.#enums.get(name);
    if (values !== undefined) return { kind: 'enum', values };
    if (!/^[A-Z]\w*$/.test(name)) throw new Error(`no type that is known: ${text}`);
    return { kind: 'struct', name };
  }
}

const localName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
