/** Writes the description of a state that `build` would make it from. */
import { specOf, specOfPasst, specText } from '../build/index.js';
import { CarryoverError } from '../codec/index.js';
import type { StateCode } from '../state/index.js';
import { type Context, UsageError } from './context.js';
import type { Input } from './dump-input.js';

interface SpecOptions {
  readonly addresses?: boolean;
  readonly inline?: number;
}

export async function writeSpec({ io }: Context, input: Input, options: SpecOptions): Promise<void> {
  const { spec, omitted } = described(input, options);
  for (const text of omitted) io.writeError(`carryover: left out: ${text}\n`);
  await io.write(specText(spec));
}

function described(
  input: Input,
  { addresses = false, inline }: SpecOptions,
): { readonly spec: object; readonly omitted: readonly string[] } {
  const inlined = inline === undefined ? {} : { inline };
  if (input.kind === 'bytes') {
    if (addresses)
      throw new UsageError('--addresses is for memory dumps: the flows of a stream always have theirs');
    const { spec, omitted } = specOfPasst(input.state, inlined);
    return { spec: { passt: spec }, omitted };
  }
  if (input.state.memory === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'of what is handed over only the state in a memory dump can be described',
    );
  return specOf(input.state.memory.handover, { addresses, ...inlined });
}
