/** Which of several layouts the bytes have: by evidence that is counted and told. */
import { hasBits } from '../kho/bits.js';
import type { Walk } from '../kho/walk.js';
import { PAYLOAD } from './rules.js';

/** What speaks for a layout and against it. */
export class Evidence {
  points = 0;
  readonly pro: string[] = [];
  readonly contra: string[] = [];

  /** `points` below 0 speak against it. */
  add(points: number, text: string): void {
    this.points += points;
    (points < 0 ? this.contra : this.pro).push(text);
  }
  /** Speaks against a layout of `size` bytes if anything follows them: the rest of a block is zero. */
  addTail(bytes: Uint8Array, size: number): void {
    const rest = bytes.subarray(size);
    if (hasBits(rest))
      this.add(-8, `byte ${size + rest.findIndex((byte) => byte !== 0)} would be behind its end`);
  }
}

/** The layouts that a part went by, and how they are told apart. */
export interface Layouts<P extends { readonly name: string }> {
  /** The name by which a layout is forced: `iommufd`. */
  readonly part: string;
  /** Every layout that there is. */
  readonly all: readonly P[];
  /** Those that can be meant, likeliest first; all if not given. */
  readonly candidates?: readonly P[];
  readonly evidence: (profile: P) => Evidence;
  /** Whether another one, that fits as well, says something else of the bytes. Without it nobody is asked. */
  readonly differ?: (chosen: P, other: P) => boolean;
  /** What the chosen layout makes of the bytes, for the finding that they can be read in two ways. */
  readonly reading?: (chosen: P) => string;
}

export interface Choice<P> {
  readonly profile: P;
  /** Sentences: what was chosen and why, and what came next. */
  readonly because: readonly string[];
  /** The layout that fits next best. */
  readonly runnerUp: P | undefined;
}

/** How a layout was chosen, as it stands in a value. */
export interface ToldChoice {
  /** Name of the layout. */
  readonly profile: string;
  readonly because: readonly string[];
  /** The layout that fits next best. */
  readonly runner_up?: string;
}

/** The layouts that went by a compatible string; what names it first is what used it most. */
export function layoutsOf<P extends { readonly compatible: readonly string[] }>(
  all: readonly P[],
  compatible: string,
): P[] {
  return all
    .filter((profile) => profile.compatible.includes(compatible))
    .sort((a, b) => a.compatible.indexOf(compatible) - b.compatible.indexOf(compatible));
}

/**
 * Takes the layout with the most points, of equal ones the first. One that is forced is taken whatever the
 * bytes say, also if it never went by that string. A finding where another layout fits as well and says
 * something else; undefined where there is no candidate.
 */
export function chooseLayout<P extends { readonly name: string }>(
  { part, all, candidates = all, evidence, differ, reading = ({ name }) => name }: Layouts<P>,
  walk: Walk,
  path: string,
  address: bigint,
): Choice<P> | undefined {
  const asked = walk.forced[part];
  const forced = all.find(({ name }) => name === asked);
  if (forced !== undefined)
    return { profile: forced, because: [`${forced.name} is forced`], runnerUp: undefined };
  if (asked !== undefined)
    walk.find(
      PAYLOAD.forced,
      path,
      address,
      `There is no layout ${asked} of ${part}; known are ${all.map(({ name }) => name).join(', ')}.`,
    );
  const [best, ...others] = candidates
    .map((profile) => ({ profile, evidence: evidence(profile) }))
    .sort((a, b) => b.evidence.points - a.evidence.points);
  if (best === undefined) return undefined;
  const { profile } = best;
  const [next] = others;
  const isTied = (other: typeof best): boolean => other.evidence.points === best.evidence.points;
  const because = [
    best.evidence.pro.length === 0
      ? `${profile.name}: nothing speaks against it`
      : `${profile.name}: ${best.evidence.pro.join('; ')}`,
    ...best.evidence.contra.map((text) => `although ${text}`),
  ];
  if (next !== undefined) {
    const [text] = next.evidence.contra;
    because.push(
      `${isTied(next) ? 'as well' : 'next'} fits ${next.profile.name}${text === undefined ? '' : `, but then ${text}`}`,
    );
  }
  const other = others.find((each) => isTied(each) && differ?.(profile, each.profile) === true);
  if (other !== undefined)
    walk.find(
      PAYLOAD.ambiguous,
      path,
      address,
      `The data is read as ${reading(profile)}; it can be ${other.profile.name} as well.`,
    );
  return { profile, because, runnerUp: next?.profile };
}

/** What a value says of how its layout was chosen. */
export function toldChoice<P extends { readonly name: string }>({
  profile,
  because,
  runnerUp,
}: Choice<P>): ToldChoice {
  return {
    profile: profile.name,
    because,
    ...(runnerUp === undefined ? {} : { runner_up: runnerUp.name }),
  };
}
