/** Device trees as source text, the way `dtc -I dtb -O dts` of version 1.6 prints them. */
import { textBytes } from '../../codec/text.js';
import type { FDTNode, FDTTree } from './tree.js';
import { sameBytes } from './write.js';

/** Deeper nodes are not indented further: the text would grow with the square of the depth. */
const MAX_INDENT = 256;

/**
 * The tree as a source text that dtc compiles back. The types of properties are guessed from their bytes, as
 * dtc guesses: what looks like text is text, what is of a multiple of 4 bytes is big-endian cells. A property
 * `name` that only repeats the node's name is left out, as dtc does.
 */
export function toDTS(tree: FDTTree): string {
  const lines = ['/dts-v1/;', ''];
  for (const { address, size } of tree.reservations ?? [])
    lines.push(`/memreserve/\t0x${hex16(address)} 0x${hex16(size)};`);
  const stack: { readonly node: FDTNode; next: number }[] = [];
  const begin = (node: FDTNode): void => {
    const indent = tabs(stack.length);
    lines.push(`${indent}${node.name === '' ? '/' : node.name} {`);
    for (const { name, value } of node.properties)
      if (name !== 'name' || !repeatsName(node, value))
        lines.push(`${indent}\t${name}${value.length === 0 ? '' : ` = ${valueText(value)}`};`);
    stack.push({ node, next: 0 });
  };
  begin(tree.root);
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const child = top.node.children[top.next++];
    if (child !== undefined) {
      lines.push('');
      begin(child);
    } else {
      stack.pop();
      lines.push(`${tabs(stack.length)}};`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function tabs(level: number): string {
  return '\t'.repeat(Math.min(level, MAX_INDENT));
}
function hex16(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}

function repeatsName(node: FDTNode, value: Uint8Array): boolean {
  const base = textBytes(`${node.name.split('@')[0] ?? ''}\0`);
  return base !== undefined && sameBytes(base, value);
}

/** The value of a property as dtc guesses and prints it. */
export function valueText(value: Uint8Array): string {
  if (isText(value)) return `"${textOf(value.subarray(0, -1))}"`;
  if (value.length % 4 !== 0) return `[${Array.from(value, hex2).join(' ')}]`;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const cells: string[] = [];
  for (let at = 0; at < value.length; at += 4) cells.push(`0x${hex2(view.getUint32(at))}`);
  return `<${cells.join(' ')}>`;
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0');
}

const ESCAPES: Readonly<Record<number, string>> = {
  0: '\\0',
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

/** Printable to its NUL, and no more NULs than other characters. */
function isText(value: Uint8Array): boolean {
  let nuls = 0;
  for (const byte of value) {
    if (!isPrintable(byte) && (byte > 13 || ESCAPES[byte] === undefined)) return false;
    if (byte === 0) nuls++;
  }
  return value[value.length - 1] === 0 && nuls <= value.length - nuls;
}

function textOf(value: Uint8Array): string {
  let text = '';
  for (const byte of value) text += ESCAPES[byte] ?? String.fromCharCode(byte);
  return text;
}
