/** Which file of a handover memory belongs to, and where in the file it is. */
import type { Handover } from '../../formats/kho/index.js';
import { isRecord } from '../../formats/kho/record.js';
import { FRAME } from '../../formats/pgtable/index.js';
import type { FileRun } from './pieces.js';

/** Keys of files whose folios the builder lists, so that a spec can refer to them. */
const KEYS = ['memfd'] as const;
/** Runs of folios that are looked at, over all files. */
const MAX_RUNS = 1 << 20;

interface Held {
  /** In frames of 4 KiB. */
  readonly first: number;
  readonly frames: number;
  readonly file: string;
  /** Where the run begins in the file. */
  readonly at: number;
  /** Frames of a folio where folios descend in memory while they ascend in the file; else 0. */
  readonly descends: number;
}

export class FilesByMemory {
  readonly #held: Held[] = [];
  readonly #files = new Map<string, FileRun[]>();

  constructor({ value, walk }: Handover) {
    const { LUO } = value.entries;
    const scale = walk.pageSize / FRAME;
    for (const session of listOf(isRecord(LUO) ? LUO.sessions : undefined)) {
      if (!isRecord(session) || typeof session.name !== 'string') continue;
      for (const file of listOf(session.files)) {
        if (!isRecord(file) || typeof file.token !== 'bigint') continue;
        for (const key of KEYS) {
          const held = file[key];
          const folios = isRecord(held) ? held.folios : undefined;
          if (isIterable(folios))
            this.#add(`${session.name}/0x${file.token.toString(16)}`, folios, scale, walk.pageSize);
        }
      }
    }
    this.#held.sort((a, b) => a.first - b.first);
    for (const runs of this.#files.values()) runs.sort((a, b) => (a.index < b.index ? -1 : 1));
  }

  #add(file: string, folios: Iterable<unknown>, scale: number, pageSize: number): void {
    const runs: FileRun[] = [];
    this.#files.set(file, runs);
    for (const run of folios) {
      if (!isRecord(run) || typeof run.pfn !== 'bigint' || typeof run.index !== 'bigint') continue;
      if (this.#held.length >= MAX_RUNS) return;
      const order = typeof run.order === 'number' ? run.order : 0;
      const count = typeof run.count === 'number' ? run.count : 1;
      const down = run.step === -1;
      const folio = 2 ** order * scale;
      const pfn = Number(run.pfn) * scale;
      const { index } = run;
      this.#held.push({
        first: down ? pfn - (count - 1) * folio : pfn,
        frames: count * folio,
        file,
        at: Number(index) * scale,
        descends: down ? folio : 0,
      });
      const phys = BigInt(run.pfn) * BigInt(pageSize);
      if (down)
        for (let i = 0; i < Math.min(count, MAX_RUNS); i++)
          runs.push({
            index: index + (BigInt(i) << BigInt(order)),
            order,
            count: 1,
            phys: () => phys - BigInt(i * folio) * BigInt(FRAME),
          });
      else runs.push({ index, order, count, phys: () => phys });
    }
  }

  /** Folios of a file. */
  readonly runs = (name: string): readonly FileRun[] | undefined => this.#files.get(name);

  /** What a frame is in a file, and for how many frames the file goes on as the memory does. */
  find(frame: number): { readonly file: string; readonly at: number; readonly frames: number } | undefined {
    const held = this.#held[this.#before(frame)];
    if (held === undefined || frame >= held.first + held.frames) return undefined;
    const into = frame - held.first;
    const { file, at, descends, frames } = held;
    if (descends === 0) return { file, at: at + into, frames: frames - into };
    const nth = Math.floor(into / descends);
    const rest = into % descends;
    return { file, at: at + frames - (nth + 1) * descends + rest, frames: descends - rest };
  }

  /** Frames up to the next file behind a frame that belongs to none. */
  gap(frame: number, limit: number): number {
    const next = this.#held[this.#before(frame) + 1];
    return next === undefined ? limit : Math.min(limit, next.first - frame);
  }

  /** The place of the last run that begins at or before a frame; -1 if there is none. */
  #before(frame: number): number {
    let low = 0;
    let high = this.#held.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if ((this.#held[middle]?.first ?? 0) <= frame) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
