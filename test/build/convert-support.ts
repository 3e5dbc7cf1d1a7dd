/** What conversions tell, as paths: sentences of many elements are those of each. */

/** The path that each sentence begins with, and the reason. */
export function toldPaths(texts: readonly string[], prefix: string): readonly string[] {
  return texts.flatMap((text) => {
    if (!text.startsWith(prefix)) throw new Error(`${text} is not about ${prefix}`);
    const path = text.slice(prefix.length, text.indexOf(': '));
    const [, before, list, after] = /^(.*)\[([\d., ]+)\](.*)$/.exec(path) ?? [];
    if (before === undefined || list === undefined || after === undefined) return [path];
    return list.split(', ').flatMap((range) => {
      const [first = '', last = first] = range.split('..');
      return Array.from(
        { length: Number(last) - Number(first) + 1 },
        (_, i) => `${before}[${Number(first) + i}]${after}`,
      );
    });
  });
}

export type Facts = ReadonlyMap<string, string>;

/** What follows from the rest needs no word where it comes. */
const FOLLOWS = /^totals$|\.attach_count$/;

/** Whether a path is told: itself, or something that it is part of. `[*]` is every element. */
function covers(told: string, path: string): boolean {
  const wild = path.replace(/\[\d+\]/g, '[*]');
  return [path, wild].some(
    (each) => each === told || each.startsWith(`${told}.`) || each.startsWith(`${told}[`),
  );
}

/**
 * Where what was told is not what happened: facts that changed or went without a word, facts that came without
 * one, and words without anything that happened.
 */
export function untold(
  before: Facts,
  after: Facts,
  lost: readonly string[],
  supplied: readonly string[],
): readonly string[] {
  const changed = [...before.keys()].filter((path) => after.get(path) !== before.get(path));
  const came = [...after.keys()].filter((path) => !before.has(path) && !FOLLOWS.test(path));
  return [
    ...changed
      .filter((path) => !lost.some((told) => covers(told, path)))
      .map((path) => `silent: ${path}: ${before.get(path)} became ${after.get(path)}`),
    ...came
      .filter((path) => !supplied.some((told) => covers(told, path)))
      .map((path) => `out of nothing: ${path}: ${after.get(path)}`),
    ...lost
      .filter((told) => !changed.some((path) => covers(told, path)))
      .map((told) => `nothing lost: ${told}`),
    ...supplied
      .filter((told) => !came.some((path) => covers(told, path)))
      .map((told) => `nothing came: ${told}`),
  ];
}
