/** Rules of everything that is handed over, and the findings they give. */
import type { Finding, Rule, Severity } from '../format.js';

/** What a receiving kernel does about it, from the worst on. */
export type Effect =
  /** It faults before there is a console. */
  | 'early panic'
  | 'panic'
  /** It never returns from the loop. */
  | 'hang'
  /** It reads memory beyond the page, or takes other memory for data. */
  | 'overrun'
  /** It refuses all that was handed over and boots as if nothing had been. */
  | 'cold boot'
  /** Every open of /dev/liveupdate fails with -EIO until the next boot. */
  | '-EIO'
  /** What it concerns is lost or wrong without a word. */
  | 'silent loss'
  /** What it concerns cannot be had back, and the kernel says so. */
  | 'refused'
  /** The kernel does not look. */
  | 'unnoticed'
  /** Nothing, for all that can be said. */
  | 'none';

export const EFFECTS: readonly Effect[] = Object.freeze([
  'early panic',
  'panic',
  'hang',
  'overrun',
  'cold boot',
  '-EIO',
  'silent loss',
  'refused',
  'unnoticed',
  'none',
]);

const SENTENCES: Readonly<Record<Effect, string>> = Object.freeze({
  'early panic': 'The next kernel faults and panics before its console is up.',
  panic: 'The next kernel panics while it boots.',
  hang: 'The next kernel never gets out of the loop.',
  overrun: 'The next kernel does not check this, and reads or reserves memory that was not meant.',
  'cold boot': 'The next kernel refuses the whole handover ("disabling KHO revival") and boots cold.',
  '-EIO': 'In the next kernel every open of /dev/liveupdate fails with -EIO, for good.',
  refused: 'The next kernel refuses this part.',
  'silent loss': 'The next kernel says nothing, and the memory concerned is lost or reused.',
  unnoticed: 'The next kernel does not look at it.',
  none: '',
});

export interface HandoverRule extends Rule {
  readonly effect: Effect;
  /** What the receiver does, in a sentence, where that of the effect says too little or too much. */
  readonly sentence?: string;
}

export interface HandoverFinding extends Finding {
  /** Physical address of what is wrong. */
  readonly address?: bigint;
  readonly effect: Effect;
}

/** A table of rules: severity, effect, title, text, sentence. The keys are the names after the slash. */
export function ruleTable<
  const T extends Readonly<
    Record<string, readonly [Severity, Effect, string, string, (string | undefined)?]>
  >,
>(prefix: string, table: T): { readonly [K in keyof T]: HandoverRule } {
  const entries = Object.entries(table).map(([name, [severity, effect, title, text, sentence]]) => [
    name,
    Object.freeze({
      name: `${prefix}/${name}`,
      severity,
      effect,
      title,
      text,
      ...(sentence === undefined ? {} : { sentence }),
    }),
  ]);
  // fromEntries forgets the keys, which are those of the table.
  return Object.freeze(Object.fromEntries(entries)) as { readonly [K in keyof T]: HandoverRule };
}

/** Findings of one rule that are listed; of more only the number is told. */
export const MAX_PER_RULE = 50;

/** Collects findings, so many of each rule. */
export class Findings {
  readonly #list: HandoverFinding[] = [];
  readonly #counts = new Map<string, { readonly rule: HandoverRule; count: number }>();

  /** `effect` where this case is worse or better than what the rule says. */
  add(
    rule: HandoverRule,
    path: string,
    address: bigint | undefined,
    message: string,
    effect: Effect = rule.effect,
  ): void {
    const seen = this.#counts.get(rule.name) ?? { rule, count: 0 };
    seen.count++;
    this.#counts.set(rule.name, seen);
    if (seen.count > MAX_PER_RULE) return;
    const sentence = (effect === rule.effect ? rule.sentence : undefined) ?? SENTENCES[effect];
    this.#list.push({
      severity: rule.severity,
      rule: rule.name,
      path,
      ...(address === undefined ? {} : { address }),
      effect,
      message: sentence === '' ? message : `${message} ${sentence}`,
    });
  }

  /** Takes over what was found elsewhere. */
  take(findings: Iterable<HandoverFinding>): void {
    this.#list.push(...findings);
  }

  /** How often something was found, listed or not. */
  get size(): number {
    let size = 0;
    for (const { count } of this.#counts.values()) size += count;
    return size;
  }

  /** How often a rule was broken. */
  count(rule: HandoverRule): number {
    return this.#counts.get(rule.name)?.count ?? 0;
  }

  list(): readonly HandoverFinding[] {
    const more = [...this.#counts.values()]
      .filter(({ count }) => count > MAX_PER_RULE)
      .map(
        ({ rule, count }): HandoverFinding => ({
          severity: rule.severity,
          rule: rule.name,
          path: '',
          effect: rule.effect,
          message: `The same holds in ${count - MAX_PER_RULE} more places.`,
        }),
      );
    return [...this.#list, ...more];
  }
}
