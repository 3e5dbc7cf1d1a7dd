/** A graph as text for Graphviz. */
import type { Severity } from '../formats/format.js';
import type { GraphGroup, GraphKind, GraphNode, HandoverGraph } from '../state/index.js';

/** Fill and shape of each kind. */
const LOOKS: Readonly<Record<GraphKind, readonly [fill: string, shape: string]>> = {
  handover: ['#dfe3e8', 'box'],
  entry: ['#eef0f2', 'box'],
  session: ['#d6e4f5', 'box'],
  file: ['#ecf3fb', 'note'],
  memory: ['#dff0dd', 'cylinder'],
  flb: ['#eef0f2', 'note'],
  'pci-device': ['#f2ecdc', 'box'],
  'iommu-state': ['#e9e1f3', 'box'],
  iommu: ['#dccff0', 'box'],
  domain: ['#f8e6c8', 'folder'],
  device: ['#fbf1dd', 'component'],
  'page-tables': ['#d8ece9', 'tab'],
  'hardware-table': ['#e7f1f0', 'tab'],
  owner: ['#ffffff', 'ellipse'],
  missing: ['#ffffff', 'box'],
};
const COLORS: Readonly<Record<Severity, string>> = { error: '#c62828', warning: '#d9730d', note: '#2f6fb5' };

/** Lines of Graphviz's language. */
export function* dotText(graph: HandoverGraph, title: string): Iterable<string> {
  yield 'digraph handover {';
  yield `  graph [rankdir=LR, ranksep=0.7, nodesep=0.18, fontname="Arial", fontsize=12, labelloc=t, labeljust=l, label=${quoted(title)}];`;
  yield '  node [style=filled, color="#5f6b7a", fontname="Arial", fontsize=10, margin="0.12,0.06"];';
  yield '  edge [color="#7b8794", fontcolor="#4a5560", fontname="Arial", fontsize=9, arrowsize=0.6];';
  const inGroups = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) {
    const { group } = node;
    if (group === undefined) {
      yield `  ${nodeText(node)}`;
      continue;
    }
    const list = inGroups.get(group);
    if (list === undefined) inGroups.set(group, [node]);
    else list.push(node);
  }
  for (const group of graph.groups) yield* groupText(group, inGroups.get(group.id) ?? []);
  for (const { from, to, label } of graph.edges)
    yield `  ${quoted(from)} -> ${quoted(to)}${label === '' ? '' : ` [label=${quoted(label)}]`};`;
  yield '}';
}

function* groupText({ id, label }: GraphGroup, nodes: readonly GraphNode[]): Iterable<string> {
  yield `  subgraph ${quoted(`cluster ${id}`)} {`;
  yield `    graph [label=${quoted(label)}, labeljust=l, style=rounded, color="#b8c0c9", fontcolor="#4a5560", fontsize=11];`;
  for (const node of nodes) yield `    ${nodeText(node)}`;
  yield '  }';
}

function nodeText({ id, kind, lines, path, address, severity, rules, folded }: GraphNode): string {
  const [fill, shape] = LOOKS[kind];
  const text = [
    ...lines,
    ...(address === undefined ? [] : [`0x${address.toString(16)}`]),
    ...(severity === undefined ? [] : rulesText(severity, rules)),
  ];
  const styles = ['filled', ...(folded === undefined && kind !== 'missing' ? [] : ['dashed'])];
  const attributes = [
    // `\l` ends a line that begins at the left.
    `label="${text.map((line) => `${escaped(line)}\\l`).join('')}"`,
    `shape=${shape}`,
    `fillcolor="${fill}"`,
    ...(styles.length > 1 ? [`style="${styles.join(',')}"`] : []),
    ...(severity === undefined
      ? []
      : [`color="${COLORS[severity]}"`, `penwidth=${severity === 'note' ? 1.4 : 2.4}`]),
    `class=${quoted(severity === undefined ? kind : `${kind} ${severity}`)}`,
    `tooltip=${quoted(path === '' ? 'the handover' : path)}`,
  ];
  return `${quoted(id)} [${attributes.join(', ')}];`;
}

/** Rules that are named in a node. */
const NAMED = 3;

function rulesText(severity: Severity, rules: readonly string[]): string[] {
  const shown = rules.length <= NAMED + 1 ? rules : rules.slice(0, NAMED);
  const more = rules.length - shown.length;
  return [
    ...shown.map((rule) => `◄ ${severity} ${rule}`),
    ...(more === 0 ? [] : [`◄ and ${more} more rules`]),
  ];
}

function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** Names come from the dump: what is not text in a picture is shown by its number, nothing is a command. */
function escaped(text: string): string {
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === '"' || char === '\\') out += `\\${char}`;
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
      out += `\\\\x${code.toString(16).padStart(2, '0')}`;
    else if (code >= 0xd800 && code < 0xe000) out += '\ufffd';
    // Graphviz takes `&amp;` and its like for the character, also outside of HTML.
    else if (char === '&') out += '&amp;';
    else out += char;
  }
  return out;
}
