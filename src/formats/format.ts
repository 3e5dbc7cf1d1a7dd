/**
 * What a format is to the rest of carryover: how to recognise it, its wire schema for a given input, how its
 * values are presented, what must hold, and what can be built. One folder per format exports one of these.
 */
import type { ABI, Params, ProbeStep, Schema } from '../codec/index.js';
import type { Meaning } from './meaning.js';

/** One layout that a format had in its history. */
export interface Generation {
  /** Short and stable, as in `--as passt@v2`. */
  readonly name: string;
  /** What it is, in half a sentence. */
  readonly title: string;
  /** The release, commit or posting it belongs to. */
  readonly source: string;
}

/** How bytes were taken for a format. */
export interface Recognition {
  readonly generation: string;
  /** 1 = certain (a magic number and all that follows from it fits) down to 0. */
  readonly confidence: number;
  /** Sentences that say why, and why not something else. */
  readonly because: readonly string[];
}

export type Severity = 'error' | 'warning' | 'note';

/** Something that is wrong, or odd, and what it does to the receiver. */
export interface Finding {
  readonly severity: Severity;
  /** Stable name of the rule: `passt/mss-zero`. A decode error has its code, `decode/truncated`. */
  readonly rule: string;
  /** Where in the presented value: `flows[0].ext.sndq`; empty for the whole. */
  readonly path: string;
  /** Where in the input, in bytes. */
  readonly offset?: number;
  /** A sentence: what is wrong and what the receiver does with it. */
  readonly message: string;
}

/** A rule that a format checks, for `explain` and for the fixtures that break it. */
export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  readonly title: string;
  /** What must hold, why, and what a receiver does where it does not; with its source. */
  readonly text: string;
}

export interface FormatOptions {
  /** Take this generation, whatever the bytes look like. */
  readonly generation?: string;
  /** Take this ABI, whatever the bytes look like. */
  readonly abi?: ABI;
}

/**
 * How to read one input: the generation and ABI that were chosen, with reasons, and the wire schema that goes
 * with them. Everything generic (trees, JSON, dumps, get and set) works from this.
 */
export interface Reading {
  readonly format: string;
  readonly generation: string;
  readonly schema: Schema;
  readonly abi: ABI | undefined;
  readonly params: Params;
  /** Why this generation and this ABI, in sentences for people. */
  readonly because: readonly string[];
  /** The probes that found the ABI, where it was negotiated. */
  readonly probes: readonly ProbeStep[];
}

/** One step of a path: a field name or an index. */
export type PathPart = string | number;

export interface Format {
  readonly name: string;
  readonly title: string;
  readonly generations: readonly Generation[];
  readonly rules: readonly Rule[];
  /** Types by their C names, for `layout`. */
  readonly types: Readonly<Record<string, Schema>>;
  /** How two presented values are compared; without it, as plain values. */
  readonly meaning?: Meaning;

  /** Looks at the first bytes (and, where it takes more, at all of them). Never throws. */
  recognise(bytes: Uint8Array): Recognition | undefined;
  /** Chooses generation and ABI. Throws a CarryoverError only if what the options force does not exist. */
  reading(bytes: Uint8Array, options: FormatOptions): Reading;

  /**
   * The wire value as people want to see it, and back. The identity where the two are the same. Presenting
   * takes what a lenient decode gives, so anything may be missing; `absent` is given a presented value that
   * is complete.
   */
  present(value: unknown, reading: Reading): unknown;
  absent(value: unknown, reading: Reading): unknown;
  /**
   * A presented object in a line for people: `compatible = "kho-v4"`. Undefined for what is shown by its parts;
   * what has a line is shown by it alone, unless `open` says that its parts follow.
   */
  line?(
    value: unknown,
    path: readonly PathPart[],
  ): { readonly text: string; readonly open: boolean } | undefined;
  /** Where a part of the wire value is in the presented one, and back; undefined where it has no place. */
  presentPath(path: readonly PathPart[], reading: Reading): readonly PathPart[] | undefined;
  wirePath(path: readonly PathPart[], reading: Reading): readonly PathPart[] | undefined;

  /**
   * What a receiver would do with it, rule by rule. Given the wire value of a lenient decode (parts may be
   * missing), the bytes, and how many of them were understood. Decode problems are reported by the caller.
   */
  check(value: unknown, reading: Reading, bytes: Uint8Array, understood: number): Finding[];
  /** A verdict in a line or two, for people: `a 2026-10 passt accepts it and resumes 2 flows`. */
  verdict?(value: unknown, reading: Reading, bytes: Uint8Array): readonly string[];
}
