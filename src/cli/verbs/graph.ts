/** `carryover graph`: what was handed over, and what leads where, as a picture. */
import type { Command } from 'commander';
import { handoverGraph } from '../../state/index.js';
import { type Context, EXIT, examples, UsageError, writeBytes } from '../context.js';
import { type DumpOptions, dumpOptions, openMemory } from '../dump-input.js';
import { dotText } from '../graph-dot.js';
import { graphJSON } from '../graph-json.js';
import { svgOf } from '../graph-svg.js';
import { writeAll } from '../io.js';
import { jsonText } from '../json-text.js';

const FORMATS = ['dot', 'svg', 'json'] as const;
type GraphFormat = (typeof FORMATS)[number];

interface GraphVerbOptions extends DumpOptions {
  readonly output?: string;
  readonly format?: string;
  readonly path?: string;
  readonly all?: boolean;
}

export function addGraph(program: Command, context: Context): void {
  const command = dumpOptions(
    program.command('graph').argument('<file...>', 'the dump, or the parts of a split kdump'),
  )
    .summary('draw what was handed over, and what leads where')
    .description(
      'Draws the objects of a handover and what leads from one to the other: sessions with their files and the memory that they keep, FLBs, IOMMUs, domains, devices, page tables and owners. Findings colour what they are about. Of many things of a kind a few are shown, and how many more there are.',
    )
    .option('-o, --output <file>', 'where to write it; its ending says the format', '-')
    .option('--format <format>', `${FORMATS.join(', ')}; dot if the name of the file does not say`)
    .option('--path <path>', 'only what hangs on the part at this path')
    .option('--all', 'everything, however much it is');
  examples(
    command,
    'graph vmcore -o handover.svg',
    "graph vmcore --path 'entries.LUO.sessions[0]' -o alpha.svg",
    'graph vmcore | dot -Tpdf -o handover.pdf',
    "graph vmcore --format json | jq '.edges[]'",
  ).action(async (files: string[], options: GraphVerbOptions) => {
    const { output = '-' } = options;
    const format = formatOf(output, options.format);
    const state = await openMemory(context, files, options);
    const graph = handoverGraph(state, {
      ...(options.path === undefined ? {} : { path: options.path }),
      ...(options.all === true ? { all: true } : {}),
    });
    const pieces: Iterable<string> =
      format === 'json' ? jsonText(graphJSON(graph)) : dotLines(dotText(graph, titleOf(files)));
    if (format !== 'svg' && output === '-') await writeAll(context.io, pieces);
    else {
      const text = [...pieces].join('');
      const shown = format === 'svg' ? await svgOf(text) : text;
      if (output === '-') await writeAll(context.io, [shown]);
      else await writeBytes(context, output, new TextEncoder().encode(shown));
    }
    context.done(EXIT.fine);
  });
}

function titleOf([file = '-']: readonly string[]): string {
  return file === '-' ? 'stdin' : (file.split('/').pop() ?? file);
}

function* dotLines(lines: Iterable<string>): Iterable<string> {
  for (const line of lines) yield `${line}\n`;
}

const ENDINGS: Readonly<Record<string, GraphFormat>> = { dot: 'dot', gv: 'dot', svg: 'svg', json: 'json' };

function formatOf(file: string, asked: string | undefined): GraphFormat {
  if (asked === undefined) return ENDINGS[file.split('.').pop() ?? ''] ?? 'dot';
  const found = FORMATS.find((format) => format === asked);
  if (found === undefined)
    throw new UsageError(`--format is one of ${FORMATS.join(', ')}, not ${JSON.stringify(asked)}`);
  return found;
}
