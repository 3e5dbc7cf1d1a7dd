/** Writes the state of a memory dump as another kernel or machine would have left it. */
import {
  buildHandover,
  type ConvertTarget,
  contentsOfBuilt,
  convertHandover,
  KHO_BUILDS,
  LUO_BUILDS,
  MEMFD_BUILDS,
} from '../build/index.js';
import { CarryoverError } from '../codec/index.js';
import type { HandoverState, StateCode } from '../state/index.js';
import { type Context, UsageError } from './context.js';
import { pageSizeOption } from './dump-input.js';
import { containerOf, writeDump } from './output.js';

export interface DumpTarget {
  readonly abi?: string;
  /** `kho@v4`, `iommu@F2`. */
  readonly to: readonly string[];
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
    ...generationOptions(target.to),
  };
  if (Object.keys(wanted).length === 0)
    throw new UsageError('convert to what? Give --kernel, --to, --abi or --page-size');
  const container = containerOf(target.output, target.container);
  const { spec, dropped, supplied } = convertHandover(state.memory.handover, wanted);
  const built = buildHandover(spec);
  for (const text of dropped) context.io.writeError(`carryover: left out: ${text}\n`);
  for (const text of supplied) context.io.writeError(`carryover: not in the input: ${text}\n`);
  await writeDump(context, target.output, container, contentsOfBuilt(built));
}

/** Each part once. The parts themselves say which layouts there are. */
function generationOptions(texts: readonly string[]): ConvertTarget {
  const parts = new Map<string, string>();
  for (const text of texts) {
    const [part = '', generation, ...rest] = text.split('@');
    if (generation === undefined || generation === '' || rest.length > 0)
      throw new UsageError(
        '--to of a memory dump is PART@LAYOUT, of kho, luo, memfd, iommu, pci, vfio-pci or iommufd; --kernel names a release',
      );
    const before = parts.get(part);
    if (before !== undefined)
      throw new UsageError(`--to ${part}@${before} and --to ${text} cannot both be had`);
    parts.set(part, generation);
  }
  const others = [...parts].filter(([part]) => part !== 'kho' && part !== 'luo' && part !== 'memfd');
  const root = <const T extends readonly string[]>(part: string, known: T): T[number] | undefined => {
    const wanted = parts.get(part);
    const found = known.find((name) => name === wanted);
    if (wanted !== undefined && found === undefined)
      throw new UsageError(`--to ${part}@${wanted}: there are ${known.join(', ')}`);
    return found;
  };
  const kho = root('kho', KHO_BUILDS);
  const luo = root('luo', LUO_BUILDS);
  const memfd = root('memfd', MEMFD_BUILDS);
  return {
    ...(kho === undefined ? {} : { kho }),
    ...(luo === undefined ? {} : { luo }),
    ...(memfd === undefined ? {} : { memfd }),
    ...(others.length === 0 ? {} : { parts: Object.fromEntries(others) }),
  };
}
