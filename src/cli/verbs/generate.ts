/** `carryover generate`: sets of fixtures, valid ones and ones that break one rule each. */
import { createHash } from 'node:crypto';
import { join } from 'node:path/posix';
import type { Command } from 'commander';
import {
  boundaryCases,
  bytesOf,
  type Case,
  cHeader,
  containerOfForm,
  cSource,
  ENDINGS,
  FORMS,
  type Form,
  GENERATORS,
  type Generator,
  generationsBreaking,
  hexText,
  rawBase,
  type Violation,
  validCases,
  violationCases,
  whyNot,
} from '../../build/generate/index.js';
import { type JSONValue, toHex } from '../../codec/index.js';
import { suggest } from '../../codec/suggest.js';
import { type Context, EXIT, examples, FileError, parseCount, reasonOf, UsageError } from '../context.js';
import { jsonText } from '../json-text.js';
import { writePieces } from '../output.js';

interface GenerateVerbOptions {
  readonly count?: string;
  readonly seed: string;
  readonly violate?: string;
  readonly form?: string;
  readonly output: string;
}

export function addGenerate(program: Command, context: Context): void {
  const command = program
    .command('generate')
    .argument('<format>', `FORMAT or FORMAT@GENERATION: ${GENERATORS.map(({ format }) => format).join(', ')}`)
    .summary('make sets of fixtures, valid ones and ones that break one rule each')
    .description(
      'Writes instances of a format into a directory, with a manifest.json that says of each what it covers, what carryover check finds in it, and, where the bytes do not tell, as what it has to be opened (as, forced_abi). Valid instances begin with the boundaries (empty, one, full, one more than full, longest names, extreme values, every generation and ABI) and go on with random ones. The same seed gives the same bytes, on every machine and in every release.',
    )
    .option('--count <n>', 'this many valid instances; all boundaries if not given')
    .option('--seed <n>', 'what random instances follow from', '1')
    .option(
      '--violate <rule>',
      'an instance that breaks exactly this rule, or one for each rule: all. Valid ones only come along with --count',
    )
    .option(
      '--form <form>',
      `${FORMS.join(', ')}; elf for memory and bytes for streams and files if not given. In c, json and hex memory is an ELF core`,
    )
    .requiredOption('-o, --output <directory>', 'where to write them; it is made if it is not there');
  examples(
    command,
    'generate luo -o fixtures/',
    'generate kho@v4 --count 500 --seed 7 --form kdump -o fixtures/',
    'generate luo --violate all -o broken/',
    'generate memfd@v2 --violate memfd/folio-twice --form c -o tests/',
  ).action(async (name: string, options: GenerateVerbOptions) => {
    const { generator, generation } = generatorNamed(name);
    const form = formOf(generator, options.form);
    const seed = parseSeed(options.seed);
    const { output } = options;
    const wanted = wantedOf(generator, generation, options, seed);
    if (await exists(context, join(output, 'manifest.json')))
      throw new UsageError(`${output} has a manifest.json already: give a directory without one`);
    try {
      await context.io.makeDirectory(output);
    } catch (error) {
      throw new FileError(`${output}: ${reasonOf(error)}`, { cause: error });
    }
    const written = new Written(context, output, form);
    // Too large instances are left out and replaced by the next ones.
    const count = options.count === undefined ? undefined : parseCount(options.count);
    for (const each of wanted.valid) {
      if (count !== undefined && written.entries.length >= count) break;
      await written.add(each, `${String(written.entries.length + 1).padStart(5, '0')}-${each.name}`);
    }
    for (const each of wanted.violations) await written.add(each, each.name);
    await written.finish();
    const manifest: JSONValue = {
      tool: 'carryover',
      version: program.version() ?? '',
      format: generator.format,
      ...(generation === undefined ? {} : { generation }),
      seed,
      form,
      files: written.entries,
      not_alone: wanted.violations.flatMap(({ rule, expected, notAlone }): JSONValue[] =>
        notAlone === undefined
          ? []
          : [
              {
                rule,
                with: [...new Set(expected.slice(1).map((finding) => finding.rule))],
                because: notAlone,
              },
            ],
      ),
      not_broken:
        options.violate === 'all'
          ? generator.rules
              .filter((rule) => !wanted.violations.some((each) => each.rule === rule.name))
              .map((rule) => ({ rule: rule.name, because: notBroken(generator, rule.name) }))
          : [],
      left_out: written.leftOut,
    };
    await writeText(context, join(output, 'manifest.json'), [...jsonText(manifest)].join(''));
    context.done(EXIT.fine);
  });
}

interface Wanted {
  readonly valid: Iterable<Case>;
  readonly violations: readonly Violation[];
}

function wantedOf(
  generator: Generator,
  generation: string | undefined,
  { count, violate }: GenerateVerbOptions,
  seed: number,
): Wanted {
  const hasValid = violate === undefined || count !== undefined;
  const valid = !hasValid
    ? []
    : count === undefined
      ? boundaryCases(generator, generation)
      : validCases(generator, generation, seed);
  if (violate === undefined) return { valid, violations: [] };
  const all = violationCases(generator, generation);
  if (violate === 'all') return { valid, violations: all };
  const one = all.filter(({ rule }) => rule === violate);
  if (one.length > 0) return { valid, violations: one };
  const names = generator.rules.map((rule) => rule.name);
  if (names.includes(violate))
    throw new UsageError(`no instance breaks ${violate}: ${notBroken(generator, violate)}`);
  const near = suggest(violate, [...names, 'all']);
  throw new UsageError(
    `${generator.format} has no rule ${JSON.stringify(violate)}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

function notBroken(generator: Generator, rule: string): string {
  const others = generationsBreaking(generator, rule);
  return generator.unbroken[rule] ?? `it can be broken in ${others.join(', ')} only`;
}

function generatorNamed(text: string): {
  readonly generator: Generator;
  readonly generation: string | undefined;
} {
  const [name = '', generation] = text.split('@', 2);
  const generator = GENERATORS.find(({ format }) => format === name);
  if (generator === undefined) {
    const known = GENERATORS.map(({ format }) => format);
    const near = suggest(name, known);
    throw new UsageError(
      `${JSON.stringify(name)} cannot be generated; these can: ${known.join(', ')}${near === undefined ? '' : `. Did you mean ${near}?`}`,
    );
  }
  const names = generator.generations.map((each) => each.name);
  if (generation !== undefined && !names.includes(generation))
    throw new UsageError(
      `${name} has no generation ${JSON.stringify(generation)}; it has ${names.join(', ')}`,
    );
  return { generator, generation };
}

function formOf({ makes, format }: Generator, asked: string | undefined): Form {
  const wanted = asked ?? (makes === 'memory' ? 'elf' : 'bytes');
  const form = FORMS.find((each) => each === wanted);
  if (form === undefined)
    throw new UsageError(`--form is one of ${FORMS.join(', ')}, not ${JSON.stringify(wanted)}`);
  if (makes === 'memory' && form === 'bytes')
    throw new UsageError(`${format} is memory, which takes a container: elf, kdump, raw, lime`);
  if (makes === 'bytes' && ['elf', 'kdump', 'raw', 'lime'].includes(form))
    throw new UsageError(`${format} is not memory, and takes no container: bytes, c, json, hex`);
  return form;
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d{1,10}$/.test(text) || seed >= 2 ** 32)
    throw new UsageError(`--seed is a whole number below 2^32, not ${JSON.stringify(text)}`);
  return seed;
}

async function exists({ io }: Context, path: string): Promise<boolean> {
  try {
    await io.readFile(path);
    return true;
  } catch {
    return false;
  }
}

async function writeText({ io }: Context, path: string, text: string): Promise<void> {
  try {
    await io.writeFile(path, new TextEncoder().encode(text));
  } catch (error) {
    throw new FileError(`${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** The files of a set: written one by one, the list of them kept for the manifest. */
class Written {
  readonly entries: { readonly [key: string]: JSONValue }[] = [];
  readonly leftOut: JSONValue[] = [];
  readonly #context: Context;
  readonly #directory: string;
  readonly #form: Form;
  readonly #arrays: { readonly name: string; readonly size: number }[] = [];
  readonly #list: JSONValue[] = [];

  constructor(context: Context, directory: string, form: Form) {
    this.#context = context;
    this.#directory = directory;
    this.#form = form;
  }

  async add(instance: Case | Violation, stem: string): Promise<void> {
    const form = this.#form;
    const made = instance.make();
    const reason = whyNot(instance, made, form);
    const bytes = reason === undefined ? bytesOf(made, form) : undefined;
    if (bytes === undefined) {
      this.leftOut.push({
        name: instance.name,
        because: reason ?? 'it has more than 16 MiB, which is too much for text',
      });
      return;
    }
    const file = form === 'json' ? 'fixtures.json' : `${stem}.${ENDINGS[form]}`;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const about = {
      generation: instance.generation,
      ...(instance.abi === undefined ? {} : { abi: instance.abi }),
      ...(instance.pageSize === undefined ? {} : { page_size: instance.pageSize }),
    };
    this.entries.push({
      name: file,
      ...(form === 'json' ? { entry: stem } : {}),
      sha256,
      size: bytes.length,
      ...about,
      ...('rule' in instance ? { violates: instance.rule } : {}),
      covers: instance.covers,
      ...(containerOfForm(form) === 'raw' ? { raw: `0x${rawBase(made).toString(16)}` } : {}),
      ...(made.kind === 'memory' && made.khoFdt !== undefined
        ? { kho_fdt: `0x${made.khoFdt.toString(16)}` }
        : {}),
      ...(made.kind === 'bytes' && made.as !== undefined ? { as: made.as } : {}),
      ...(made.kind === 'bytes' && made.forcedABI !== undefined ? { forced_abi: made.forcedABI } : {}),
      findings: [...('expected' in instance ? instance.expected : []), ...(instance.inherent ?? [])].map(
        ({ rule, severity, path }) => ({ severity, rule, path }),
      ),
    });
    const path = join(this.#directory, file);
    if (form === 'json') this.#list.push({ name: stem, ...about, sha256, hex: toHex(bytes) });
    else if (form === 'hex') await writeText(this.#context, path, hexText(bytes));
    else if (form === 'c') {
      this.#arrays.push({ name: stem, size: bytes.length });
      await writeText(this.#context, path, cSource(stem, instance.covers, bytes));
    } else await writePieces(this.#context, path, [bytes]);
  }

  /** What the whole set shares. */
  async finish(): Promise<void> {
    if (this.#form === 'c')
      await writeText(this.#context, join(this.#directory, 'fixtures.h'), cHeader(this.#arrays));
    if (this.#form === 'json') {
      const encoder = new TextEncoder();
      const lines = function* (list: readonly JSONValue[]): Iterable<Uint8Array> {
        yield encoder.encode('[\n');
        for (const [i, each] of list.entries())
          yield encoder.encode(`${JSON.stringify(each)}${i + 1 < list.length ? ',' : ''}\n`);
        yield encoder.encode(']\n');
      };
      await writePieces(this.#context, join(this.#directory, 'fixtures.json'), lines(this.#list));
    }
  }
}
