/** Who owns which page frames: to find memory with two owners, and preserved memory with none. */
import { Numbers } from './columns.js';
import type { PreservedMap } from './preserved.js';

/** Claims that are kept; with more, conflicts are not looked for. */
const MAX_CLAIMS = 4 << 20;

export interface Conflict {
  /** First page frame that has two owners, and how many follow. */
  readonly pfn: number;
  readonly pages: number;
  readonly first: string;
  readonly second: string;
}

export class Claims {
  readonly #start = new Numbers();
  readonly #end = new Numbers();
  /** Place in the list of owners; negative for contents. */
  readonly #owner = new Numbers();
  /** The first is nobody, so that every place has a sign. */
  readonly #owners: string[] = [''];
  #full = false;

  /** Whether all claims were kept. */
  get complete(): boolean {
    return !this.#full;
  }

  /**
   * `owner` is the path of what owns the pages. `content` says that they hold what somebody put into a file or
   * a region, and nothing that leads further.
   */
  add(pfn: number, pages: number, owner: string, content = false): void {
    if (pages <= 0 || !Number.isFinite(pfn)) return;
    if (this.#start.length >= MAX_CLAIMS) {
      this.#full = true;
      return;
    }
    const last = this.#start.length - 1;
    const place = this.#owner.at(last);
    const follows =
      last >= 0 &&
      this.#owners[Math.abs(place)] === owner &&
      place < 0 === content &&
      this.#end.at(last) === pfn;
    if (follows) {
      this.#end.set(last, pfn + pages);
      return;
    }
    if (this.#owners[this.#owners.length - 1] !== owner) this.#owners.push(owner);
    this.#start.push(pfn);
    this.#end.push(pfn + pages);
    this.#owner.push((this.#owners.length - 1) * (content ? -1 : 1));
  }

  /** The pages that hold contents, as they were claimed. */
  *contents(): Iterable<{ readonly pfn: number; readonly pages: number }> {
    for (let i = 0; i < this.#start.length; i++)
      if (this.#owner.at(i) < 0) yield { pfn: this.#start.at(i), pages: this.#end.at(i) - this.#start.at(i) };
  }

  #sorted(): Uint32Array {
    const places = Uint32Array.from({ length: this.#start.length }, (_, i) => i);
    let sorted = true;
    for (let i = 1; i < places.length && sorted; i++) sorted = this.#start.at(i - 1) <= this.#start.at(i);
    return sorted ? places : places.sort((a, b) => this.#start.at(a) - this.#start.at(b));
  }

  /** Page frames with two owners. */
  *conflicts(): Iterable<Conflict> {
    let reach = -1;
    let holder = 0;
    for (const i of this.#sorted()) {
      const start = this.#start.at(i);
      const end = this.#end.at(i);
      if (start < reach)
        yield {
          pfn: start,
          pages: Math.min(end, reach) - start,
          first: this.#owners[Math.abs(this.#owner.at(holder))] ?? '',
          second: this.#owners[Math.abs(this.#owner.at(i))] ?? '',
        };
      if (end > reach) {
        reach = end;
        holder = i;
      }
    }
  }

  /** Pages of the map that nobody claims, as parts of its ranges: first page frame, pages, order of the blocks. */
  *unclaimed(
    map: PreservedMap,
  ): Iterable<{ readonly pfn: number; readonly pages: number; readonly order: number }> {
    const places = this.#sorted();
    let next = 0;
    // Claims that reach beyond a range may also cover parts of the following ones.
    let reach = 0;
    for (const range of map) {
      const { order } = range;
      const start = Number(range.address / BigInt(map.pageSize));
      const end = start + range.count * 2 ** order;
      let at = Math.max(start, reach);
      for (;;) {
        const place = places[next];
        if (place === undefined || this.#start.at(place) >= end) break;
        const from = this.#start.at(place);
        const to = this.#end.at(place);
        if (from > at) yield { pfn: at, pages: from - at, order };
        if (to > at) at = to;
        if (to > reach) reach = to;
        next++;
      }
      if (at < end) yield { pfn: at, pages: end - at, order };
    }
  }
}
