/** What the generators of all parts of a handover share: from specs to cases, and from faults to violations. */
import type { Generation, Rule } from '../../formats/format.js';
import { HANDOVER_RULES, openHandover } from '../../formats/kho/index.js';
import type { WritableContainer } from '../../memory/index.js';
import { buildHandover, contentsOfBuilt } from '../handover/build.js';
import type { HandoverSpec } from '../handover/spec.js';
import { random } from '../random.js';
import { BuiltDump, imageOf, trimmed } from './built-dump.js';
import { type GeneratedMachine, MACHINES, machineName } from './machines.js';
import type { Case, ExpectedFinding, Generator, Made, Violation } from './types.js';

/** A boundary: what is at the edge there, and the spec that is. */
export interface Boundary {
  readonly name: string;
  readonly covers: string;
  /** Where there is such an edge; everywhere if not given. */
  readonly on?: (generation: string, machine: GeneratedMachine) => boolean;
  readonly spec: (generation: string, machine: GeneratedMachine) => HandoverSpec;
}

/** A fault: a sound spec and one small change to what is built of it. */
export interface Fault {
  readonly rule: string;
  /** The generations that can have it. */
  readonly on: readonly string[];
  readonly spec: (generation: string) => HandoverSpec;
  /** Nothing where the spec itself breaks the rule. */
  readonly edit?: (dump: BuiltDump, generation: string) => void;
  /** The path of the finding. */
  readonly path: string | ((generation: string) => string);
  /** What comes with it, as rule and path, and why. */
  readonly companions?: readonly (readonly [rule: string, path: string])[];
  readonly notAlone?: string;
  readonly machine?: GeneratedMachine;
  readonly containers?: readonly WritableContainer[];
}

export interface HandoverGeneration {
  readonly format: string;
  readonly generations: readonly Pick<Generation, 'name' | 'title'>[];
  readonly rules: readonly Rule[];
  /** What says in a spec that it is of a generation. */
  readonly base: (generation: string) => HandoverSpec;
  /** The machines that a generation can be on; all of them if not given. */
  readonly machines?: (generation: string) => readonly GeneratedMachine[];
  /** In their order, which stays: new ones come last. */
  readonly boundaries: readonly Boundary[];
  readonly random: (generation: string, machine: GeneratedMachine, choices: Choices) => HandoverSpec;
  readonly faults: readonly Fault[];
  readonly unbroken: Readonly<Record<string, string>>;
}

export function handoverGenerator(format: HandoverGeneration): Generator {
  const machinesOf = format.machines ?? (() => MACHINES);
  const make = (generation: string, machine: GeneratedMachine, spec: () => HandoverSpec): Made => {
    const whole = { ...format.base(generation), ...placeOf(machine), ...spec() };
    return { kind: 'memory', memory: trimmed(contentsOfBuilt(buildHandover(whole))) };
  };
  const caseOf = (
    generation: string,
    machine: GeneratedMachine,
    name: string,
    covers: string,
    spec: () => HandoverSpec,
  ): Case => ({
    name: `${generation}-${machineName(machine)}-${name}`,
    covers,
    generation,
    ...machine,
    make: () => make(generation, machine, spec),
  });
  return {
    format: format.format,
    makes: 'memory',
    generations: format.generations,
    rules: format.rules,
    *boundaries(generation) {
      for (const machine of machinesOf(generation))
        for (const { name, covers, on, spec } of format.boundaries)
          if (on === undefined || on(generation, machine))
            yield caseOf(generation, machine, name, covers, () => spec(generation, machine));
    },
    random(generation, seed, index) {
      const machine = new Choices(seed, index).one(machinesOf(generation));
      return caseOf(generation, machine, `random-${index}`, 'a random valid state', () =>
        format.random(generation, machine, new Choices(~seed, index)),
      );
    },
    *violations(generation) {
      for (const fault of format.faults)
        if (fault.on.includes(generation)) yield violationOf(format, fault, generation);
    },
    unbroken: format.unbroken,
    check: (made) =>
      made.kind === 'memory'
        ? openHandover(imageOf(made.memory), made.khoFdt === undefined ? {} : { khoFdt: made.khoFdt })
            .findings
        : [],
  };
}

function violationOf(format: HandoverGeneration, fault: Fault, generation: string): Violation {
  const machine = fault.machine ?? MACHINES[0];
  if (machine === undefined) throw new Error('there is no machine');
  const path = typeof fault.path === 'string' ? fault.path : fault.path(generation);
  const expected = [[fault.rule, path] as const, ...(fault.companions ?? [])].map(
    ([rule, where]): ExpectedFinding => ({ rule, severity: severityOf(rule), path: where }),
  );
  return {
    name: `${generation}-${machineName(machine)}-${fault.rule.replace('/', '-')}`,
    covers: format.rules.find(({ name }) => name === fault.rule)?.title ?? fault.rule,
    generation,
    ...machine,
    rule: fault.rule,
    expected,
    ...(fault.notAlone === undefined ? {} : { notAlone: fault.notAlone }),
    ...(fault.containers === undefined ? {} : { containers: fault.containers }),
    make: () => {
      const spec = { ...format.base(generation), ...placeOf(machine), ...fault.spec(generation) };
      const built = buildHandover(spec);
      if (fault.edit === undefined) return { kind: 'memory', memory: trimmed(contentsOfBuilt(built)) };
      const dump = new BuiltDump(built);
      fault.edit(dump, generation);
      return { kind: 'memory', memory: trimmed(dump.contents()) };
    },
  };
}

function severityOf(rule: string): ExpectedFinding['severity'] {
  const found = HANDOVER_RULES.find(({ name }) => name === rule);
  if (found === undefined) throw new Error(`there is no rule ${rule}`);
  return found.severity;
}

function placeOf({ abi, pageSize }: GeneratedMachine): HandoverSpec {
  return { abi, page_size: pageSize };
}

/** Choices that follow from a seed and a number. */
export class Choices {
  readonly #next: () => number;

  constructor(seed: number, index: number) {
    // Seeds and numbers that follow each other are to give choices that have nothing to do with each other.
    this.#next = random(Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b) ^ Math.imul(index + 1, 0x9e3779b1));
  }
  /** A whole number from 0 up to `limit`, which is not reached. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }
  /** From `first` to `last`, both of them possible. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }
  chance(share: number): boolean {
    return this.#next() < share;
  }
  one<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new Error('there is nothing to choose from');
    return chosen;
  }
  word(): bigint {
    const high = BigInt(this.below(2 ** 32));
    return (high << 32n) | BigInt(this.below(2 ** 32));
  }
  /** Letters and digits; the first is a letter. */
  name(longest: number): string {
    const length = this.between(1, longest);
    let text = '';
    for (let i = 0; i < length; i++)
      text += NAME_CHARACTERS[this.below(i === 0 ? 26 : NAME_CHARACTERS.length)] ?? 'a';
    return text;
  }
}
const NAME_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789-';
