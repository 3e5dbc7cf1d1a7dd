/** What a comparison finds, and where it is gathered. */
import { pathText } from '../../codec/error.js';
import type { PathPart } from '../../formats/format.js';

export type DifferenceKind = 'changed' | 'added' | 'removed' | 'not-comparable';

/** A stretch of bytes that differ. */
export interface ByteSpan {
  readonly offset: bigint;
  readonly length: bigint;
}

export interface Difference {
  readonly kind: DifferenceKind;
  /** Where it is, with what tells elements apart: `entries.LUO.sessions["vm"].files[0x1001].memfd.pos`. */
  readonly path: string;
  /** The path without what tells elements apart: `entries.LUO.sessions[].files[].memfd.pos`. */
  readonly shape: string;
  /** Where it is in each of the two; undefined where it is in one of them only. */
  readonly pathA: string | undefined;
  readonly pathB: string | undefined;
  /** What each of the two has; both undefined for the content of files. */
  readonly a: unknown;
  readonly b: unknown;
  /** Why it cannot be compared, or what else is to be said. */
  readonly because: string | undefined;
  /** Of content: how many bytes differ or cannot be compared, and the first stretches that differ. */
  readonly bytes: bigint | undefined;
  readonly spans: readonly ByteSpan[];
}

/** What may differ without a difference in meaning: the generation, the machine, totals. */
export interface ContextEntry {
  readonly what: 'generation' | 'machine' | 'summary';
  /** Where it was met first. */
  readonly path: string;
  readonly a: unknown;
  readonly b: unknown;
  /** At how many places. */
  readonly count: number;
  /** Fields that only the generation of the one side has. */
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
}

/** Differences that are kept; what is more is counted. */
export const MAX_DIFFERENCES = 10_000;

/** Where two states are at, in the terms of both. */
export class Trail {
  readonly up: Trail | undefined;
  readonly #label: string | (() => string);
  readonly a: PathPart | undefined;
  readonly b: PathPart | undefined;
  readonly depth: number;

  /** `label` is what the joint path shows, with its dot or brackets; parts are undefined for the root. */
  constructor(
    up: Trail | undefined,
    label: string | (() => string),
    a: PathPart | undefined,
    b: PathPart | undefined,
  ) {
    this.up = up;
    this.#label = label;
    this.a = a;
    this.b = b;
    this.depth = up === undefined ? 0 : up.depth + 1;
  }
  get label(): string {
    return typeof this.#label === 'string' ? this.#label : this.#label();
  }
  field(name: string): Trail {
    return new Trail(this, () => nameLabel(name), name, name);
  }
  /** The label is made when it is asked for: most elements do not differ. */
  element(label: () => string, a: number | undefined, b: number | undefined): Trail {
    return new Trail(this, () => `[${label()}]`, a, b);
  }
  get text(): string {
    const labels: string[] = [];
    for (let at: Trail | undefined = this; at !== undefined; at = at.up) labels.push(at.label);
    return labels.reverse().join('').replace(/^\./, '');
  }
  /** The path without what tells elements apart: `flows[].ext.mss`. */
  get shape(): string {
    const labels: string[] = [];
    for (let at: Trail | undefined = this; at !== undefined; at = at.up)
      labels.push(at.label.startsWith('[') && typeof (at.a ?? at.b) === 'number' ? '[]' : at.label);
    return labels.reverse().join('').replace(/^\./, '');
  }
  parts(side: 'a' | 'b'): readonly PathPart[] | undefined {
    const parts: PathPart[] = [];
    for (let at: Trail | undefined = this; at !== undefined; at = at.up) {
      const part = at[side];
      if (part !== undefined) parts.push(part);
      else if (at.up !== undefined) return undefined;
    }
    return parts.reverse();
  }
}

function nameLabel(name: string): string {
  return /^[^\s.[\]"]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

interface Found {
  readonly a?: unknown;
  readonly b?: unknown;
  readonly because?: string | undefined;
  readonly bytes?: bigint;
  readonly spans?: readonly ByteSpan[];
}

/** Gathers what is found, up to a limit. */
export class Recorder {
  readonly differences: Difference[] = [];
  /** Differences that were found, without what cannot be compared. */
  count = 0;
  notComparable = 0;
  /** How many of either were not kept. */
  omitted = 0;
  readonly #baseA: readonly PathPart[];
  readonly #baseB: readonly PathPart[];
  readonly #context = new Map<string, ContextEntry & { onlyA: string[]; onlyB: string[]; count: number }>();

  /** Paths begin at those parts of the two that are compared. */
  constructor(baseA: readonly PathPart[] = [], baseB: readonly PathPart[] = []) {
    this.#baseA = baseA;
    this.#baseB = baseB;
  }

  add(kind: DifferenceKind, trail: Trail, found: Found): void {
    if (kind === 'not-comparable') this.notComparable++;
    else this.count++;
    if (this.differences.length >= MAX_DIFFERENCES) {
      this.omitted++;
      return;
    }
    const a = kind === 'added' ? undefined : trail.parts('a');
    const b = kind === 'removed' ? undefined : trail.parts('b');
    this.differences.push({
      kind,
      path: trail.text,
      shape: trail.shape,
      pathA: a && pathText([...this.#baseA, ...a]),
      pathB: b && pathText([...this.#baseB, ...b]),
      a: found.a,
      b: found.b,
      because: found.because,
      bytes: found.bytes,
      spans: found.spans ?? [],
    });
  }

  context(
    what: ContextEntry['what'],
    trail: Trail,
    a: unknown,
    b: unknown,
    places = 1,
  ): { onlyA: string[]; onlyB: string[] } {
    // Two hundred files of one generation are one line.
    const key = JSON.stringify([what, what === 'generation' ? '' : trail.shape, String(a), String(b)]);
    const known = this.#context.get(key);
    if (known !== undefined) {
      known.count += places;
      return known;
    }
    const entry = { what, path: trail.text, a, b, count: places, onlyA: [], onlyB: [] };
    this.#context.set(key, entry);
    return entry;
  }
  get contexts(): readonly ContextEntry[] {
    return [...this.#context.values()];
  }
}
