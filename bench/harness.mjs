/**
 * Processes, rounds and medians.
 *
 * One process per contender, because type feedback, inlining and heap layout of one would change
 * the others. Their rounds are interleaved, so that a slow second hits all of them; a ratio is the
 * median of the ratios within a round, never a ratio of medians.
 *
 * @typedef {import('./types.d.ts').Group} Group
 * @typedef {import('./types.d.ts').Work} Work
 * @typedef {import('./types.d.ts').ContenderEntry} ContenderEntry
 * @typedef {import('./types.d.ts').Settings} Settings
 * @typedef {import('./types.d.ts').Row} Row
 * @typedef {import('./types.d.ts').GroupResult} GroupResult
 */
import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @type {Settings} */
export const FULL = { quick: false, rounds: 11, roundMs: 150, warmMs: 400, coldRuns: 25 };
/** @type {Settings} */
export const QUICK = { quick: true, rounds: 5, roundMs: 50, warmMs: 150, coldRuns: 7 };

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * One contender's process. Asks are answered in order, one at a time.
 */
class ContenderProcess {
  /** @type {((answer: any) => void) | undefined} */
  #waiting;

  /**
   * @param {Work} work
   * @param {Group} group
   * @param {ContenderEntry} entry
   */
  constructor(work, group, entry) {
    this.entry = entry;
    /** @type {number[]} nanoseconds per item, one for each round */
    this.rounds = [];
    this.child = fork(path('./contender-process.mjs'), [work.file, group.id, entry.label], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    let stderr = '';
    this.child.stderr?.on('data', (text) => (stderr += text));
    this.child.on('message', (answer) => this.#waiting?.(answer));
    this.child.on('exit', (code, signal) =>
      this.#waiting?.({
        status: 'wrong',
        reason: `process ended (${signal ?? code}) ${stderr.trim().split('\n').slice(-3).join(' ')}`,
      }),
    );
  }

  /** @param {object} [question] nothing: wait for the first message */
  ask(question) {
    return new Promise((resolve) => {
      this.#waiting = (answer) => {
        this.#waiting = undefined;
        resolve(answer);
      };
      if (question !== undefined) this.child.send(question);
    });
  }

  end() {
    if (this.child.connected) this.child.disconnect();
  }
}

/** @param {ContenderEntry} entry */
const contenderExists = (entry) => existsSync(path(`./contenders/${entry.file}.mjs`));

/**
 * @param {Work} work
 * @param {Group} group
 * @param {Settings} settings
 * @returns {Promise<GroupResult>}
 */
export async function measureGroup(work, group, settings) {
  const entries = group.contenders.filter((entry) => !entry.optional || contenderExists(entry));
  const rows =
    group.kind === 'process'
      ? await processRows(work, group, entries, settings)
      : await roundRows(work, group, entries, settings);
  return finish(group, entries, rows);
}

/**
 * @param {Work} work
 * @param {Group} group
 * @param {ContenderEntry[]} entries
 * @param {Settings} settings
 */
async function roundRows(work, group, entries, settings) {
  /** @type {Map<string, { row: Row, rounds: number[] }>} */
  const rows = new Map();
  /** @type {ContenderProcess[]} */
  const alive = [];
  try {
    for (const entry of entries) {
      const contender = new ContenderProcess(work, group, entry);
      let answer = await contender.ask();
      if (answer.status === 'ok') answer = await contender.ask({ ask: 'warm', settings });
      rows.set(entry.label, {
        row: { label: entry.label, status: answer.status, reason: answer.reason, bars: [] },
        rounds: contender.rounds,
      });
      if (answer.status === 'ok') alive.push(contender);
      else contender.end();
    }
    for (let round = 0; round < settings.rounds; round++) {
      for (let i = 0; i < alive.length; i++) {
        const contender = alive[(i + round) % alive.length];
        const answer = await contender.ask({ ask: 'round' });
        if (answer.status !== 'ok')
          throw new Error(`${group.id}, ${contender.entry.label}: ${answer.reason}`);
        contender.rounds.push(answer.ns);
      }
    }
  } finally {
    for (const contender of alive) contender.end();
  }
  return rows;
}

/**
 * Fresh processes, interleaved: the time that each measured itself, and the whole process as its parent
 * sees it.
 *
 * @param {Work} work
 * @param {Group} group
 * @param {ContenderEntry[]} entries
 * @param {Settings} settings
 */
async function processRows(work, group, entries, settings) {
  /** @type {Map<string, { row: Row, rounds: number[] }>} */
  const rows = new Map();
  /** @type {Map<string, number[]>} */
  const walls = new Map();
  const turns = Math.min(settings.coldRuns, group.runs ?? settings.coldRuns);
  let alive = entries;
  // The first turn only fills the file cache.
  for (let turn = -1; turn < turns; turn++) {
    for (const entry of alive) {
      const { answer, wall } = await freshProcess(work, group, entry, settings);
      if (turn < 0) {
        rows.set(entry.label, {
          row: { label: entry.label, status: answer.status, reason: answer.reason, bars: [] },
          rounds: [],
        });
        walls.set(entry.label, []);
        continue;
      }
      const found = rows.get(entry.label);
      if (found === undefined) continue;
      if (answer.status !== 'ok') {
        Object.assign(found.row, { status: answer.status, reason: answer.reason });
        continue;
      }
      found.rounds.push(group.clock === 'wall' ? wall * 1e6 : (answer.ns ?? 0));
      walls.get(entry.label)?.push(wall);
      if (answer.mib !== undefined) found.row.mib = Math.max(found.row.mib ?? 0, answer.mib);
    }
    alive = alive.filter((entry) => rows.get(entry.label)?.row.status === 'ok');
  }
  for (const [label, times] of walls) {
    const found = rows.get(label);
    if (found && times.length > 0 && group.clock !== 'wall') found.row.wallMs = median(times);
  }
  return rows;
}

/**
 * @param {Work} work
 * @param {Group} group
 * @param {ContenderEntry} entry
 * @param {Settings} settings
 * @returns {Promise<{ answer: import('./types.d.ts').Answer, wall: number }>} wall in milliseconds
 */
function freshProcess(work, group, entry, settings) {
  return new Promise((resolve) => {
    const start = performance.now();
    const command = work.command?.(group, entry, settings) ?? [
      path('./cold-process.mjs'),
      entry.file,
      entry.task,
    ];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('close', () => {
      const wall = performance.now() - start;
      try {
        resolve({ answer: work.answer?.(group, entry, settings, out) ?? JSON.parse(out), wall });
      } catch {
        resolve({ answer: { status: 'wrong', reason: err.trim().split('\n').slice(-3).join(' ') }, wall });
      }
    });
  });
}

/**
 * Medians, ratios and bars.
 *
 * @param {Group} group
 * @param {ContenderEntry[]} entries
 * @param {Map<string, { row: Row, rounds: number[] }>} rows
 * @returns {GroupResult}
 */
function finish(group, entries, rows) {
  /** The median over the rounds of a's time by b's time; null if either is missing.
   * @param {string} a @param {string} b */
  const ratio = (a, b) => {
    const of = rows.get(a)?.rounds ?? [];
    const by = rows.get(b)?.rounds ?? [];
    if (of.length === 0 || of.length !== by.length) return null;
    return median(of.map((ns, round) => ns / by[round]));
  };
  for (const entry of entries) {
    const found = rows.get(entry.label);
    if (!found) continue;
    const { row, rounds } = found;
    if (rounds.length === 0) {
      row.bars = (entry.bars ?? []).map((bar) => ({ bar, measured: null, met: null }));
      continue;
    }
    row.ns = median(rounds);
    row.low = Math.min(...rounds);
    row.high = Math.max(...rounds);
    row.ratio = ratio(entry.label, group.reference);
    row.bars = (entry.bars ?? []).map((bar) => {
      if ('maxMiB' in bar) {
        const { mib = null } = row;
        return { bar, measured: mib, met: mib === null ? null : mib < bar.maxMiB };
      }
      const times = bar.max === undefined ? ratio(bar.vs, entry.label) : ratio(entry.label, bar.vs);
      const met =
        times === null ? null : bar.max === undefined ? times >= (bar.faster ?? 0) : times <= bar.max;
      return { bar, measured: times, met };
    });
  }
  return {
    id: group.id,
    title: group.title,
    unit: group.unit,
    reference: group.reference,
    notes: group.notes,
    rows: entries.map((entry) => rows.get(entry.label)?.row).filter((row) => row !== undefined),
  };
}
