/** Writes the state of a memory dump as another kernel or machine would have left it. */
import { buildHandover, type ConvertTarget, contentsOfBuilt, convertHandover } from '../build/index.js';
import { CarryoverError } from '../codec/index.js';
import type { HandoverState, StateCode } from '../state/index.js';
import { type Context, UsageError } from './context.js';
import { pageSizeOption } from './dump-input.js';
import { containerOf, writeDump } from './output.js';

export interface DumpTarget {
  readonly abi?: string;
  /** `kho@v4`, `luo@v5`, `memfd@v1`. */
  readonly to?: string;
  readonly kernel?: string;
  readonly pageSize?: string;
  readonly container?: string;
  readonly output: string;
}

export async function convertDump(context: Context, state: HandoverState, target: DumpTarget): Promise<void> {
  if (state.memory === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'the memory behind the pointers is not here, so that there is nothing to lay out anew',
    );
  const wanted: ConvertTarget = {
    ...(target.kernel === undefined ? {} : { kernel: target.kernel }),
    ...(target.abi === undefined ? {} : { abi: target.abi }),
    ...(target.pageSize === undefined ? {} : { pageSize: pageSizeOption(target.pageSize) }),
    ...(target.to === undefined ? {} : generationOption(target.to)),
  };
  if (Object.keys(wanted).length === 0)
    throw new UsageError('convert to what? Give --kernel, --to, --abi or --page-size');
  const container = containerOf(target.output, target.container);
  const { spec, dropped } = convertHandover(state.memory.handover, wanted);
  const built = buildHandover(spec);
  for (const text of dropped) context.io.writeError(`carryover: left out: ${text}\n`);
  await writeDump(context, target.output, container, contentsOfBuilt(built));
}

/** The generations themselves say which of them there are. */
function generationOption(text: string): ConvertTarget {
  const [part, generation, ...rest] = text.split('@');
  if (generation === undefined || rest.length > 0 || (part !== 'kho' && part !== 'luo' && part !== 'memfd'))
    throw new UsageError('--to of a memory dump is kho@…, luo@… or memfd@…; --kernel names a release');
  return { [part]: generation };
}
