/** Writes the description of a state that `build` would make it from. */
import { specOf, specText } from '../build/index.js';
import { CarryoverError } from '../codec/index.js';
import type { StateCode } from '../state/index.js';
import type { Context } from './context.js';
import type { Input } from './dump-input.js';

export async function writeSpec(
  { io }: Context,
  input: Input,
  { addresses = false, inline }: { readonly addresses?: boolean; readonly inline?: number },
): Promise<void> {
  if (input.kind !== 'handover' || input.state.memory === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'only the state in a memory dump can be described; for others, decode --json and encode do it',
    );
  const { spec, omitted } = specOf(input.state.memory.handover, {
    addresses,
    ...(inline === undefined ? {} : { inline }),
  });
  for (const text of omitted) io.writeError(`carryover: left out: ${text}\n`);
  await io.write(specText(spec));
}
