/** Which instances a fixture set has, and in which order. */
import type { Case, Generator, Violation } from './types.js';

/** Generations from the newest on, or the one that was asked for. */
function generationsOf(generator: Generator, generation: string | undefined): readonly string[] {
  return generation === undefined ? generator.generations.map(({ name }) => name).reverse() : [generation];
}

/**
 * Valid instances without end: first the boundaries, those of all generations in turn; then random ones, the
 * generations in turn again. What comes at a place follows from the seed alone.
 */
export function* validCases(
  generator: Generator,
  generation: string | undefined,
  seed: number,
): Iterable<Case> {
  yield* boundaryCases(generator, generation);
  const names = generationsOf(generator, generation);
  for (let index = 0; ; index++) for (const name of names) yield generator.random(name, seed, index);
}

/** The boundaries alone. */
export function* boundaryCases(generator: Generator, generation: string | undefined): Iterable<Case> {
  let open = generationsOf(generator, generation).map((name) =>
    generator.boundaries(name)[Symbol.iterator](),
  );
  while (open.length > 0) {
    const left: Iterator<Case>[] = [];
    for (const cases of open) {
      const next = cases.next();
      if (next.done === true) continue;
      yield next.value;
      left.push(cases);
    }
    open = left;
  }
}

/**
 * For each rule an instance that breaks it: of the generation that is asked for, else of the newest one in which
 * it can be broken. In the order of the rules.
 */
export function violationCases(generator: Generator, generation: string | undefined): readonly Violation[] {
  const first = new Map<string, Violation>();
  for (const name of generationsOf(generator, generation))
    for (const violation of generator.violations(name))
      if (!first.has(violation.rule)) first.set(violation.rule, violation);
  return generator.rules.flatMap(({ name }) => first.get(name) ?? []);
}

/** The generations in which a rule can be broken. */
export function generationsBreaking(generator: Generator, rule: string): readonly string[] {
  return generator.generations
    .map(({ name }) => name)
    .filter((name) => [...generator.violations(name)].some((violation) => violation.rule === rule));
}
