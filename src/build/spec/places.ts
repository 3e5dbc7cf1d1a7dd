/** Where in the text of a spec its parts stand. */

export interface Place {
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

export class Places {
  readonly #places = new Map<string, Place>();

  set(path: string, place: Place): void {
    this.#places.set(path, place);
  }
  /** The place of a part, or of the nearest one around it. */
  get(path: string): Place | undefined {
    for (let at = path; at !== ''; ) {
      const found = this.#places.get(at);
      if (found !== undefined) return found;
      at = at.slice(0, Math.max(0, at.lastIndexOf('.'), at.lastIndexOf('[')));
    }
    return this.#places.get('');
  }
}
