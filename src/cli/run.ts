/** The command: words in, an exit code out. Everything it does to the world goes through its {@link IO}. */
import { Command, CommanderError, Option } from 'commander';
import { isCarryoverError } from '../codec/index.js';
import { suggest } from '../codec/suggest.js';
import { type Context, EXIT, type Exit, FileError, styleFor, UsageError } from './context.js';
import type { IO } from './io.js';
import { type ColorMode, makeStyle, wantsColor } from './style.js';
import { addBuild } from './verbs/build.js';
import { addCheck } from './verbs/check.js';
import { addConvert } from './verbs/convert.js';
import { addDecode } from './verbs/decode.js';
import { addDiff } from './verbs/diff.js';
import { addEncode } from './verbs/encode.js';
import { addExplain } from './verbs/explain.js';
import { addExtract } from './verbs/extract.js';
import { addFormats } from './verbs/formats.js';
import { addGenerate } from './verbs/generate.js';
import { addGet } from './verbs/get.js';
import { addGraph } from './verbs/graph.js';
import { addHexdump } from './verbs/hexdump.js';
import { addLayout } from './verbs/layout.js';
import { addPatch } from './verbs/patch.js';
import { addRanges } from './verbs/ranges.js';
import { addReduce } from './verbs/reduce.js';
import { addSet } from './verbs/set.js';

/** Errors of these codes are about the words of the command line, not about the input. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'path-unknown',
  'type-unknown',
  'code-unknown',
  'kho-generation',
  'kho-page-size',
  'kho-receiver',
  'dump-read-only',
  'input-no-memory',
  'diff-kinds',
]);

/** Errors of these codes are about the words only where the words name such a thing: documents do as well. */
const NAMED_BY: Readonly<Record<string, RegExp>> = {
  'format-unknown': /^--(as|to)\b/,
  'generation-unknown': /^--(as|to)\b/,
  'abi-unknown': /^--(abi|from)\b/,
};

/** Lines are this long where stdout is no terminal. */
const COLUMNS = 100;

/** Runs the command with those words (without `node` and the script) and says with what to exit. */
export async function run(argv: readonly string[], io: IO, version: string): Promise<Exit> {
  let exit: Exit = EXIT.fine;
  const context: Context = {
    io,
    input: undefined,
    inputs: [],
    report: (error) => report(error, argv, context, program),
    columns: Math.max(40, Math.min(io.columns ?? COLUMNS, 160)),
    done: (code) => {
      exit = code;
    },
    style: (command) => styleFor(io, command),
  };
  const text: string[] = [];
  const program = makeProgram(context, version, (chunk) => text.push(chunk));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) {
      await io.write(text.join(''));
      return EXIT.fine;
    }
    return context.report(error);
  }
}

function makeProgram(context: Context, version: string, out: (chunk: string) => void): Command {
  const program = new Command('carryover')
    .description(
      'Reads, checks and builds the binary state that one system leaves for the next.\n\ncarryover FILE is carryover decode FILE.',
    )
    .version(version, '-V, --version', 'print the version')
    .addOption(new Option('--color <when>', 'colours').choices(['auto', 'always', 'never']).default('auto'))
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [verb]', 'print how a verb is used')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true, helpWidth: context.columns })
    .addHelpText(
      'after',
      '\nExit codes: 0 fine, 1 findings or a decode error, 2 wrong usage, 3 a bug.\nEnvironment: NO_COLOR, FORCE_COLOR; CARRYOVER_DEBUG=1 shows the stack of a bug.',
    );
  // What commander would print as an error is told like all other errors, once it has been thrown.
  program.exitOverride().configureOutput({ writeOut: out, writeErr: () => undefined });
  for (const add of [
    addDecode,
    addCheck,
    addHexdump,
    addGet,
    addExtract,
    addRanges,
    addGraph,
    addDiff,
    addBuild,
    addGenerate,
    addReduce,
    addSet,
    addPatch,
    addEncode,
    addConvert,
    addLayout,
    addFormats,
    addExplain,
  ])
    add(program, context);
  for (const command of program.commands)
    command
      .exitOverride()
      .configureOutput({ writeOut: out, writeErr: () => undefined })
      .configureHelp({ showGlobalOptions: true, helpWidth: context.columns });
  return program;
}

/** Without a verb, `decode` is meant: then what was to be one is an argument too many. */
function verbUnknown(argv: readonly string[], program: Command): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  const [first, second] = words;
  const verb = first === 'help' ? second : first;
  const verbs = program.commands.map((command) => command.name());
  if (verb === undefined || words.length < 2 || verb === 'help' || verbs.includes(verb)) return undefined;
  const near = suggest(verb, verbs);
  return near === undefined && first !== 'help'
    ? undefined
    : `there is no verb ${JSON.stringify(verb)}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function report(error: unknown, argv: readonly string[], context: Context, program: Command): Exit {
  const { io, input } = context;
  const { color } = program.opts<{ color?: ColorMode }>();
  const style = makeStyle(wantsColor(io, color ?? 'auto', io.stderrIsTTY));
  const say = (message: string): void => {
    const [first = '', ...rest] = message.trimEnd().split('\n');
    io.writeError(
      `${style.severity.error('carryover:')} ${first}\n${rest.map((line) => `${line}\n`).join('')}`,
    );
  };
  if (error instanceof CommanderError) {
    say(verbUnknown(argv, program) ?? error.message.replace(/^error: /, ''));
    io.writeError(style.dim('  carryover --help says how it is used\n'));
    return EXIT.usage;
  }
  if (error instanceof UsageError || error instanceof FileError) {
    // What is no verb is taken for a file.
    const noFile = error instanceof FileError && error.message.startsWith(`${argv[0]}: `);
    say((noFile ? verbUnknown(argv, program) : undefined) ?? error.message);
    return EXIT.usage;
  }
  if (isCarryoverError(error)) {
    const named = NAMED_BY[error.code];
    const isUsage =
      USAGE_CODES.has(error.code) ||
      (input === undefined && error.code === 'edit-impossible') ||
      (named !== undefined && (input === undefined || argv.some((word) => named.test(word))));
    say(isUsage || input === undefined ? error.message : `${input}: ${error.message}`);
    return isUsage ? EXIT.usage : EXIT.findings;
  }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  say(`this is a bug of carryover: ${reason}`);
  if (io.env.CARRYOVER_DEBUG === '1' && error instanceof Error && error.stack !== undefined)
    io.writeError(`${error.stack}\n`);
  else
    io.writeError(
      style.dim(
        '  please report it with the command and, if you may, the input; CARRYOVER_DEBUG=1 shows where it happened\n',
      ),
    );
  return EXIT.bug;
}
