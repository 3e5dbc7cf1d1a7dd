/**
 * Results as text.
 *
 * @typedef {import('./types.d.ts').GroupResult} GroupResult
 * @typedef {import('./types.d.ts').BarResult} BarResult
 */

/** Three significant digits, no exponent. @param {number} value */
function digits(value) {
  if (value >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

/** Nanoseconds with a unit that keeps the number short. @param {number} ns */
function time(ns) {
  if (ns >= 1e6) return `${digits(ns / 1e6)} ms`;
  if (ns >= 1e4) return `${digits(ns / 1e3)} us`;
  return `${digits(ns)} ns`;
}

/** @param {import('./types.d.ts').Bar} bar */
function wantedBy(bar) {
  if ('maxMiB' in bar) return `peak < ${bar.maxMiB} MiB`;
  return bar.max === undefined ? `>= ${bar.faster} x as fast as ${bar.vs}` : `<= ${bar.max} x ${bar.vs}`;
}

/** @param {BarResult} result */
function barCells({ bar, measured, met }) {
  const want = wantedBy(bar);
  if (measured === null || met === null) return [want, 'not measured'];
  // One digit more than elsewhere: 1.246 must not look like the 1.25 that it missed.
  return [want, `${met ? 'yes' : 'NO'}, ${measured >= 100 ? digits(measured) : measured.toPrecision(4)}`];
}

const WIDTHS = [46, 11, 8, 52, 12];

/** @param {string[]} cells */
const line = (cells) =>
  cells
    .map((cell, i) => (i === 1 || i === 2 ? cell.padStart(WIDTHS[i]) : cell.padEnd(WIDTHS[i])))
    .join('  ')
    .trimEnd();

/** @param {GroupResult} group */
export function formatGroup(group) {
  const out = [`${group.id}: ${group.title}`];
  out.push(line(['  contender', `per ${group.unit}`, 'ratio', 'bar', 'met?']));
  for (const row of group.rows) {
    if (row.status !== 'ok' || row.ns === undefined) {
      out.push(`  ${row.label}: ${row.status === 'wrong' ? 'WRONG' : 'left out'}: ${row.reason}`);
      continue;
    }
    const [first = ['', ''], ...others] = row.bars.map(barCells);
    const whole = [
      row.wallMs === undefined ? '' : `whole process ${digits(row.wallMs)} ms`,
      // Of a row of the wall clock, memory says nothing that is asked.
      row.mib === undefined || row.wallMs === undefined ? '' : `${digits(row.mib)} MiB`,
    ].filter((text) => text !== '');
    const wall = whole.length === 0 ? '' : ` (${whole.join(', ')})`;
    const ratio = row.ratio === null || row.ratio === undefined ? '' : digits(row.ratio);
    out.push(line([`  ${row.label}${wall}`, time(row.ns), ratio, ...first]));
    for (const other of others) out.push(line(['', '', '', ...other]));
  }
  out.push(`  ratio to: ${group.reference}${group.notes ? `. ${group.notes}` : ''}`, '');
  return out.join('\n');
}

/** @param {GroupResult[]} groups @param {number} seconds */
export function formatLegend(groups, seconds) {
  const bars = groups.flatMap((group) =>
    group.rows.flatMap((row) => row.bars.map((result) => ({ group, row, result }))),
  );
  const missed = bars.filter(({ result }) => result.met === false);
  const open = bars.filter(({ result }) => result.met === null).length;
  const out = [
    `${bars.length} bars: ${bars.length - missed.length - open} met, ${missed.length} missed, ${open} not measured (${seconds.toFixed(0)} s)`,
  ];
  for (const { group, row, result } of missed)
    out.push(`  missed: ${group.id}, ${row.label}: ${barCells(result).join(': ')}`);
  return out.join('\n');
}
