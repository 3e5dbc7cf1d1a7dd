/**
 * The process of one contender: makes the data, sets the contender up, checks its results once,
 * then times rounds when asked.
 *
 * Started by harness.mjs with: work file, group id, contender label.
 */
import { keep, Unavailable } from './keep.mjs';

/**
 * A module or an export that is not there (not built, not installed) leaves the row out; anything else
 * is an error.
 * @param {any} error
 */
function statusOf(error) {
  const reason = String(error?.message ?? error).split('\n')[0];
  if (error instanceof Unavailable) return { status: 'absent', reason };
  if (error?.code === 'ERR_MODULE_NOT_FOUND') {
    const missing = /'([^']*)'/.exec(reason)?.[1] ?? reason;
    return { status: 'absent', reason: `not there: ${missing.split('/').slice(-3).join('/')}` };
  }
  if (error instanceof SyntaxError && /does not provide an export/.test(reason))
    return { status: 'absent', reason };
  return { status: 'wrong', reason };
}

const [workFile, groupId, label] = process.argv.slice(2);

/** @type {import('./types.d.ts').Driver} */
let driver;
let items = 0;
let passes = 1;

/** Nanoseconds of so many passes. @param {number} count */
async function time(count) {
  if (driver.timedPasses) return driver.timedPasses(count);
  const pass = /** @type {() => void} */ (driver.pass);
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) pass();
  return Number(process.hrtime.bigint() - start);
}

/** Runs until everything is optimised, and finds how many passes make a round. @param {import('./types.d.ts').Settings} settings */
async function warm(settings) {
  const until = performance.now() + settings.warmMs;
  let best = Infinity;
  let runs = 0;
  do {
    best = Math.min(best, await time(1));
    runs++;
  } while (performance.now() < until || runs < 3);
  passes = Math.max(1, Math.round((settings.roundMs * 1e6) / best));
}

process.on('disconnect', () => {
  driver?.close?.();
  process.exit(0);
});

process.on('message', async (/** @type {any} */ message) => {
  try {
    if (message.ask === 'warm') {
      await warm(message.settings);
      process.send?.({ status: 'ok' });
    } else {
      const ns = await time(passes);
      process.send?.({ status: 'ok', ns: ns / (passes * items) });
    }
  } catch (error) {
    process.send?.(statusOf(error));
  }
});

try {
  const { work } = await import(`./works/${workFile}.mjs`);
  const group = work.groups.find((/** @type {any} */ g) => g.id === groupId);
  const entry = group.contenders.find((/** @type {any} */ c) => c.label === label);
  const { tasks } = await import(`./contenders/${entry.file}.mjs`);
  if (tasks[entry.task] === undefined)
    throw new Unavailable(`contenders/${entry.file}.mjs has no task ${entry.task}`);
  const data = work.data(group);
  items = data.items;
  const instance = await tasks[entry.task](data);
  driver = work.drive(group, instance, data);
  await driver.verify();
  /** @type {any} */ (globalThis).gc?.();
  keep(undefined);
  process.send?.({ status: 'ok' });
} catch (error) {
  process.send?.(statusOf(error));
}
