/** What an input is, why it was taken for that, and what it comes to. */
import type { State } from '../state/index.js';
import { wrap } from './findings-text.js';
import type { Style } from './style.js';

export function* headerText(state: State, name: string, style: Style, columns: number): Generator<string> {
  const { format, reading, bytes, gzip } = state;
  const generation = format.generations.find((each) => each.name === reading.generation);
  const size = `${bytes.length} byte${bytes.length === 1 ? '' : 's'}${gzip ? ' out of gzip' : ''}`;
  yield `${style.title(name)}: ${style.title(`${reading.format}@${reading.generation}`)}, ${size}`;
  const rows: [string, string][] = [['format', format.title]];
  if (generation !== undefined) {
    rows.push(['layout', generation.title]);
    rows.push(['source', generation.source]);
  }
  if (reading.abi !== undefined) rows.push(['abi', reading.abi.name]);
  for (const because of reading.because) rows.push(['because', because]);
  for (const line of state.verdict) rows.push(['verdict', line]);
  let before = '';
  for (const [label, text] of rows) {
    const shown = label === before ? '' : label;
    before = label;
    for (const [i, line] of wrap(text, columns - 11).entries())
      yield `  ${style.dim((i === 0 ? shown : '').padEnd(8))} ${label === 'verdict' ? style.title(line) : line}`;
  }
}
