/** `carryover encode`: the JSON of decode, back to bytes. */
import type { Command } from 'commander';
import { CarryoverError, type JSONValue } from '../../codec/index.js';
import { encodeDocument, type StateCode } from '../../state/index.js';
import { type Context, EXIT, examples, readBytes, writeBytes } from '../context.js';

interface EncodeOptions {
  readonly output: string;
  readonly derive?: boolean;
  readonly canonical?: boolean;
}

export function addEncode(program: Command, context: Context): void {
  const command = program
    .command('encode')
    .argument('<value.json>', 'what decode --json wrote, or - for stdin')
    .summary('make the bytes from the JSON of decode')
    .description(
      'Makes the bytes that a JSON document stands for. The document names its format, generation and ABI; one that was not touched gives the bytes that it came from.',
    )
    .option('-o, --output <file>', 'where to write them; - is stdout', '-')
    .option('--derive', 'compute counts, lengths and checksums anew instead of writing those of the document')
    .option('--canonical', 'leave out padding and reserved bits that are not zero');
  examples(
    command,
    'decode --json stream.bin > value.json',
    'encode value.json -o again.bin',
    "decode --json stream.bin | jq '.value.flows |= .[:1]' | carryover encode --derive - -o one.bin",
  ).action(async (file: string, options: EncodeOptions) => {
    const json = parse(await readBytes(context, file));
    const bytes = encodeDocument(json, { derive: options.derive, canonical: options.canonical });
    await writeBytes(context, options.output, bytes);
    context.done(EXIT.fine);
  });
}

function parse(bytes: Uint8Array): JSONValue {
  const invalid = (cause: unknown): CarryoverError =>
    new CarryoverError(
      'document-invalid' satisfies StateCode,
      `this is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  try {
    // JSON.parse gives what the grammar of JSON can say and no more.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as JSONValue;
  } catch (cause) {
    throw invalid(cause);
  }
}
