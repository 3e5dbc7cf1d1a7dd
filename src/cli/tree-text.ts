/** The tree as people read it: offsets, names, values in columns, with the findings where they are. */
import { pathText } from '../codec/index.js';
import type { Finding } from '../formats/format.js';
import { isInline, type Node } from '../state/index.js';
import type { Style } from './style.js';

export interface TreeOptions {
  readonly style: Style;
  /** Levels below the root that are shown. */
  readonly depth: number;
  /** Long lists in full, and padding that is zero. */
  readonly all: boolean;
  /** Sizes and C types. */
  readonly full: boolean;
  readonly findings: readonly Finding[];
  /** Digits of an offset. */
  readonly digits: number;
}

/** Lists longer than this are cut after {@link SHOWN} elements. */
const LONG = 12;
const SHOWN = 8;

/** The children of a node, or the node itself where it has none, line by line. */
export function* treeText(root: Node, options: TreeOptions): Generator<string> {
  const marks = new Map<string, Finding[]>();
  for (const finding of options.findings) {
    const known = marks.get(finding.path);
    if (known === undefined) marks.set(finding.path, [finding]);
    else known.push(finding);
  }
  if (root.count === 0) yield* line(root, labelOf(root), '', 0, options, marks);
  else yield* children(root, 0, options, marks);
}

function* children(
  node: Node,
  level: number,
  options: TreeOptions,
  marks: ReadonlyMap<string, readonly Finding[]>,
): Generator<string> {
  if (level >= options.depth) return;
  const indent = '  '.repeat(level);
  if (node.isArray) {
    const shown = options.all || node.count <= LONG ? node.count : SHOWN;
    for (let i = 0; i < shown; i++) {
      const child = node.child(i);
      if (child === undefined) continue;
      yield* line(child, `[${i}]`, indent, 0, options, marks);
      if (!isShort(child, options)) yield* children(child, level + 1, options, marks);
    }
    if (shown < node.count)
      yield `${gutter(undefined, options)}${indent}${options.style.dim(
        `… ${node.count - shown} more: --all shows them, --path '${pathText([...node.path, shown])}' the next`,
      )}`;
    return;
  }
  const shown = [...node.children()].filter((child) => isShown(child, options));
  const width = Math.max(
    0,
    ...shown
      .filter((child) => child.text !== '' && child.text.length > 0)
      .map((child) => labelOf(child).length),
  );
  for (const child of shown) {
    yield* line(child, labelOf(child), indent, Math.min(width, 28), options, marks);
    if (!isShort(child, options)) yield* children(child, level + 1, options, marks);
  }
}

/** Bits that no value tells are only worth a line where they are not zero. */
function isShown(node: Node, options: TreeOptions): boolean {
  return node.kind === 'field' || node.value !== undefined || options.all || options.full;
}

function labelOf(node: Node): string {
  const last = node.path[node.path.length - 1];
  const name = last === undefined ? '' : typeof last === 'number' ? `[${last}]` : last;
  switch (node.kind) {
    case 'padding':
      return 'padding';
    case 'tail':
      return 'unused';
    case 'unknown':
      return 'not understood';
    default:
      return name;
  }
}

function* line(
  node: Node,
  label: string,
  indent: string,
  width: number,
  options: TreeOptions,
  marks: ReadonlyMap<string, readonly Finding[]>,
): Generator<string> {
  const { style } = options;
  const named = node.kind === 'field' ? style.name(label) : style.kind[node.kind](label);
  const parts = [`${gutter(node, options)}${indent}${named}`];
  const { text } = node;
  const aggregate = node.count > 0 && !isShort(node, options);
  if (text !== '') {
    const shown = node.isArray && aggregate ? elementsText(node) : text;
    const space = ' '.repeat(Math.max(0, width - label.length) + 2);
    parts.push(
      space,
      node.kind === 'field'
        ? aggregate
          ? style.dim(shown)
          : style.value(shown)
        : style.kind[node.kind](shown),
    );
  }
  // What a struct is called says what it is; of a scalar the type is only asked for.
  if (node.type !== '' && (aggregate ? !node.isArray : options.full)) parts.push(`  ${style.dim(node.type)}`);
  const here = node.kind === 'field' ? marks.get(pathText(node.path)) : undefined;
  for (const finding of here ?? [])
    parts.push(`  ${style.severity[finding.severity](`◄ ${finding.severity} ${finding.rule}`)}`);
  yield parts.join('');
}

/** Whether a line is all there is to show of it; everything is shown on demand. */
function isShort(node: Node, options: TreeOptions): boolean {
  return isInline(node) || (node.isClosed === true && !options.full && !options.all);
}

function elementsText(node: Node): string {
  return node.count === 1 ? '1 element' : `${node.count} elements`;
}

/** Offset, and with `--full` bits and size. */
function gutter(node: Node | undefined, options: TreeOptions): string {
  const { digits, style, full } = options;
  const offset = node?.offset === undefined ? '' : node.offset.toString(16).padStart(digits, '0');
  const cells = [offset.padEnd(digits)];
  if (full) {
    const bits = node?.bits;
    cells.push((bits === undefined ? '' : `:${bits.first}+${bits.count}`).padEnd(6));
    cells.push((node?.size === undefined ? '' : String(node.size)).padStart(7));
  }
  return `${style.dim(cells.join(' '))}  `;
}

/** Digits that the offsets of so many bytes take. */
export function offsetDigits(size: number): number {
  return Math.max(4, Math.max(0, size - 1).toString(16).length);
}
