/** Memory that is known to be somebody's, as ranges of page frames: to tell what lies outside of it. */
import { Numbers } from '../kho/columns.js';
import type { PreservedMap } from '../kho/preserved.js';
import { FRAME } from './frame.js';

export interface Coverage {
  /** Whether what is outside of it is known to be outside. */
  readonly complete: boolean;
  /** The first of these page frames (of 4 KiB) that is outside; undefined if all are inside. */
  firstOutside(frame: number, frames: number): number | undefined;
}

/** What is preserved, as coverage. */
export function coverageOf(map: PreservedMap): Coverage {
  const scale = map.pageSize / FRAME;
  const cursor = { start: 0, end: 0, order: 0 };
  return {
    complete: map.complete,
    firstOutside(frame, frames) {
      const end = frame + frames;
      for (let at = frame; at < end; ) {
        const page = Math.floor(at / scale);
        if ((page < cursor.start || page >= cursor.end) && !map.seek(page, cursor)) return at;
        at = cursor.end * scale;
      }
      return undefined;
    },
  };
}

/** Collects ranges in any order, which may overlap. */
export class CoverageBuilder {
  readonly #start = new Numbers();
  readonly #frames = new Numbers();

  /** Page frames of 4 KiB. */
  add(frame: number, frames: number): this {
    const last = this.#start.length - 1;
    if (last >= 0 && this.#start.at(last) + this.#frames.at(last) === frame)
      this.#frames.set(last, this.#frames.at(last) + frames);
    else if (frames > 0) {
      this.#start.push(frame);
      this.#frames.push(frames);
    }
    return this;
  }

  /** `complete`: whether these are all there are. */
  done(complete = true): Coverage {
    const places = Uint32Array.from({ length: this.#start.length }, (_, i) => i).sort(
      (a, b) => this.#start.at(a) - this.#start.at(b),
    );
    const starts = new Numbers();
    const ends = new Numbers();
    for (const i of places) {
      const start = this.#start.at(i);
      const end = start + this.#frames.at(i);
      const last = starts.length - 1;
      if (last >= 0 && start <= ends.at(last)) ends.set(last, Math.max(end, ends.at(last)));
      else {
        starts.push(start);
        ends.push(end);
      }
    }
    return {
      complete,
      firstOutside(frame, frames) {
        let low = 0;
        let high = starts.length - 1;
        while (low <= high) {
          const middle = (low + high) >>> 1;
          if (starts.at(middle) <= frame) low = middle + 1;
          else high = middle - 1;
        }
        // Ranges that touch are one, so that one of them has to hold all.
        const end = high < 0 ? 0 : ends.at(high);
        if (end >= frame + frames) return undefined;
        return Math.max(end, frame);
      },
    };
  }
}
