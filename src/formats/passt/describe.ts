/** Verdicts of targets in words. */
import { deviceStateText } from './errno.js';
import type { FlowFate, LoadVerdict } from './target.js';

/** So many flows that are not resumed are told one by one. */
const TOLD = 8;

/** `answers 0x3d (ENODATA): the stream ends …`, to follow the name of a target. */
export function outcomeText(verdict: LoadVerdict): string {
  switch (verdict.end) {
    case 'killed':
      return `is killed at ${verdict.path}: ${verdict.because}`;
    case 'out-of-bounds':
      return `writes out of bounds: ${verdict.because}`;
    default:
      return `answers ${deviceStateText(verdict.result ?? 0n)}${verdict.errno === undefined ? '' : ` (${verdict.errno})`}: ${
        verdict.end === 'failed' ? failureText(verdict) : flowsText(verdict.flows)
      }`;
  }
}

function failureText({ because, flows }: LoadVerdict): string {
  const half = flows.filter((flow) => flow.fate === 'half-built').length;
  return half === 0 ? because : `${because}; ${flowCount(half)} left half-built in its table`;
}

function flowsText(flows: readonly FlowFate[]): string {
  if (flows.length === 0) return 'it takes the addresses, and there are no flows to restore';
  const parts: string[] = [];
  const resumed = flows.filter((flow) => flow.fate === 'resumed').length;
  if (resumed > 0) parts.push(`${flowCount(resumed)} resumed`);
  let told = 0;
  for (const [i, flow] of flows.entries()) {
    if (flow.fate === 'resumed') continue;
    if (++told <= TOLD)
      parts.push(
        `flow ${i} ${flow.fate}${flow.because === undefined ? '' : ` because ${flow.because}`}${flow.errno === undefined ? '' : ` (${flow.errno})`}`,
      );
  }
  if (told > TOLD) parts.push(`${told - TOLD} more not resumed`);
  return parts.join('; ');
}

export function flowCount(count: number): string {
  return count === 1 ? '1 flow' : `${count} flows`;
}
