/** Sentences about many elements, as one: `devices[0..63].token: …`. */

const SENTENCE = /^([^:]*)\[(\d+)\]([^[:]*): (.*)$/s;

interface Group {
  readonly before: string;
  readonly after: string;
  readonly indices: number[];
}

/** Sentences that differ in the last index of their path only become one, where the first of them was. */
export function summed(texts: readonly string[]): readonly string[] {
  const groups = new Map<string, Group>();
  for (const text of texts) {
    const [, before, index, member, why] = SENTENCE.exec(text) ?? [];
    const key = before === undefined ? text : JSON.stringify([before, member, why]);
    const group = groups.get(key);
    if (group !== undefined) group.indices.push(Number(index));
    else if (before === undefined) groups.set(key, { before: text, after: '', indices: [] });
    else groups.set(key, { before, after: `${member}: ${why}`, indices: [Number(index)] });
  }
  return [...groups.values()].map(({ before, after, indices }) =>
    indices.length === 0 ? before : `${before}[${rangesOf(indices)}]${after}`,
  );
}

function rangesOf(indices: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const index of [...new Set(indices)].sort((a, b) => a - b)) {
    const run = runs[runs.length - 1];
    if (run !== undefined && run.last + 1 === index) run.last = index;
    else runs.push({ first: index, last: index });
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}..${last}`)).join(', ');
}
