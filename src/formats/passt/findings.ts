/** Collects findings, so many of each rule: a stream of a hundred thousand flows may break one in all of them. */
import type { Finding } from '../format.js';
import { type RuleName, severityOf } from './rules.js';

/** Findings of one rule that are listed; of more only the number is told. */
export const MAX_PER_RULE = 50;

export class Findings {
  private readonly list: Finding[] = [];
  private readonly counts = new Map<RuleName, number>();

  add(rule: RuleName, path: string, offset: number | undefined, message: string): void {
    const count = (this.counts.get(rule) ?? 0) + 1;
    this.counts.set(rule, count);
    if (count > MAX_PER_RULE) return;
    this.list.push({
      severity: severityOf(rule),
      rule: `passt/${rule}`,
      path,
      ...(offset === undefined ? {} : { offset }),
      message,
    });
  }

  done(): Finding[] {
    for (const [rule, count] of this.counts)
      if (count > MAX_PER_RULE)
        this.list.push({
          severity: severityOf(rule),
          rule: `passt/${rule}`,
          path: '',
          message: `The same holds in ${count - MAX_PER_RULE} more places.`,
        });
    return this.list;
  }
}
