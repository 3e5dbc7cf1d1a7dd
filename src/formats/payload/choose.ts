/** Which of several layouts the bytes have: by evidence that is counted and told. */
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
}

export interface Choice<P> {
  readonly profile: P;
  /** Sentences: what was chosen and why, and what came next. */
  readonly because: readonly string[];
  /** The layout that fits next best. */
  readonly runnerUp: P | undefined;
  /** All others that fit as well. */
  readonly tied: readonly P[];
}

/**
 * Takes the layout with the most points, of equal ones the first. One that is forced is taken whatever the
 * bytes say, also if it never went by that string.
 */
export function choose<P extends { readonly name: string }>(
  all: readonly P[],
  candidates: readonly P[],
  evidence: (profile: P) => Evidence,
  walk: Walk,
  part: string,
  path: string,
  address: bigint,
): Choice<P> | undefined {
  const asked = walk.forced[part];
  const forced = all.find(({ name }) => name === asked);
  if (forced !== undefined)
    return { profile: forced, because: [`${forced.name} is forced`], runnerUp: undefined, tied: [] };
  if (asked !== undefined)
    walk.find(
      PAYLOAD.forced,
      path,
      address,
      `There is no layout ${asked} of ${part}; known are ${all.map(({ name }) => name).join(', ')}.`,
    );
  const ranked = candidates
    .map((profile) => ({ profile, evidence: evidence(profile) }))
    .sort((a, b) => b.evidence.points - a.evidence.points);
  const [best, next] = ranked;
  if (best === undefined) return undefined;
  const because = [
    best.evidence.pro.length === 0
      ? `${best.profile.name}: nothing speaks against it`
      : `${best.profile.name}: ${best.evidence.pro.join('; ')}`,
    ...best.evidence.contra.map((text) => `although ${text}`),
  ];
  if (next !== undefined) {
    const tied = next.evidence.points === best.evidence.points;
    const [text] = next.evidence.contra;
    because.push(
      `${tied ? 'as well' : 'next'} fits ${next.profile.name}${text === undefined ? '' : `, but then ${text}`}`,
    );
  }
  return {
    profile: best.profile,
    because,
    runnerUp: next?.profile,
    tied: ranked
      .slice(1)
      .flatMap((other) => (other.evidence.points === best.evidence.points ? [other.profile] : [])),
  };
}
