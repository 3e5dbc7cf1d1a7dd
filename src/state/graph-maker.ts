/** Collects nodes and edges, each once, and says at the end which findings are about which node. */
import type { Severity } from '../formats/format.js';
import type { HandoverFinding } from '../formats/kho/index.js';
import type { GraphEdge, GraphGroup, GraphNode, HandoverGraph } from './graph-types.js';
import type { HandoverState } from './handover.js';
import { type HandoverNode, handoverNodeAt, handoverTree, sizeText } from './handover-tree.js';

/** Characters in a line of a node. */
const WIDTH = 40;

export class GraphMaker {
  readonly #nodes = new Map<string, Omit<GraphNode, 'rules' | 'severity'>>();
  readonly #edges = new Map<string, GraphEdge>();
  readonly #groups = new Map<string, GraphGroup>();
  readonly #tree: HandoverNode;
  readonly #state: HandoverState;
  /** In bytes. */
  readonly pageSize: number;

  constructor(state: HandoverState) {
    this.#state = state;
    this.#tree = handoverTree(state);
    this.pageSize = state.memory?.handover.value.page_size ?? 4096;
  }

  has(id: string): boolean {
    return this.#nodes.has(id);
  }
  /** Adds a node; one with the same id stays as it is. */
  node(node: {
    readonly id: string;
    readonly kind: GraphNode['kind'];
    readonly path: string;
    readonly lines: readonly string[];
    readonly address?: bigint | undefined;
    readonly group?: string | undefined;
    readonly parent?: string | undefined;
  }): void {
    if (this.#nodes.has(node.id)) return;
    const { address, group, parent, ...rest } = node;
    this.#nodes.set(node.id, {
      ...rest,
      lines: node.lines.filter((line) => line !== ''),
      ...(address === undefined ? {} : { address }),
      ...(group === undefined ? {} : { group }),
      ...(parent === undefined ? {} : { parent }),
    });
  }
  /** Adds an edge; the same one is added once. */
  edge(from: string, to: string, label: string): void {
    const key = JSON.stringify([from, to, label]);
    if (!this.#edges.has(key)) this.#edges.set(key, { from, to, label });
  }
  group(id: string, label: string): void {
    this.#groups.set(id, { id, label });
  }

  /** What the tree says of the part at a path, in lines that fit a node. */
  say(path: string): readonly string[] {
    const { text } = handoverNodeAt(this.#tree, path);
    return folded(text);
  }
  preservedLine(): string {
    const preserved = this.#state.memory?.handover.value.preserved;
    return preserved === undefined ? '' : `${sizeText(preserved.bytes)} preserved`;
  }

  done(findings: readonly HandoverFinding[]): HandoverGraph {
    const byPath = new Map<string, string>();
    for (const { id, path } of this.#nodes.values()) if (!byPath.has(path)) byPath.set(path, id);
    const told = new Map<string, { severity: Severity; rules: string[] }>();
    for (const { path, severity, rule } of findings) {
      const id = nearest(byPath, path);
      if (id === undefined) continue;
      const known = told.get(id);
      if (known === undefined) told.set(id, { severity, rules: [rule] });
      else {
        known.severity = worse(known.severity, severity);
        if (!known.rules.includes(rule)) known.rules.push(rule);
      }
    }
    return {
      nodes: [...this.#nodes.values()].map((node) => ({ ...node, rules: [], ...told.get(node.id) })),
      edges: [...this.#edges.values()].filter(({ from, to }) => this.#nodes.has(from) && this.#nodes.has(to)),
      groups: [...this.#groups.values()],
    };
  }
}

/** The node at a path, or at the nearest one above it. */
function nearest(byPath: ReadonlyMap<string, string>, path: string): string | undefined {
  for (let at = path; ; ) {
    const id = byPath.get(at);
    if (id !== undefined || at === '') return id;
    at = at.slice(0, Math.max(0, at.lastIndexOf('.'), at.endsWith(']') ? at.lastIndexOf('[') : 0));
  }
}

const RANK: Readonly<Record<Severity, number>> = { note: 0, warning: 1, error: 2 };
export function worse(a: Severity, b: Severity): Severity {
  return RANK[a] >= RANK[b] ? a : b;
}

/** A line of parts, broken between them. */
function folded(text: string): readonly string[] {
  if (text === '') return [];
  const lines: string[] = [];
  for (const part of text.split(', ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length + 2 <= WIDTH)
      lines[lines.length - 1] = `${last}, ${part}`;
    else lines.push(part);
  }
  return lines;
}
