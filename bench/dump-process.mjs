/**
 * One fresh process with one dump: FILE TASK CAPTURE, or FILE TASK FOLIOS RUN GAP for a dump that is made. Instead of
 * a CAPTURE, the words of what is to be built.
 * Prints the time, the peak memory and what the contender found, which the parent compares.
 */
const [file, task, ...rest] = process.argv.slice(2);

/** What the contender works on: one word as it is, or a dump. */
async function subject() {
  if (rest.length === 1) return rest[0];
  const { hugeDump } = await import('./works/huge-dump.mjs');
  const [folios, run, gap] = rest.map(Number);
  return hugeDump(folios, run, gap);
}

try {
  const { tasks } = await import(`./contenders/${file}.mjs`);
  const given = await subject();
  const start = performance.now();
  const tell = tasks[task](given);
  const ns = (performance.now() - start) * 1e6;
  // In KiB. Taken before the result is looked at, which is no work of the contender's.
  const mib = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ status: 'ok', ns, mib, result: tell() }));
} catch (error) {
  console.log(JSON.stringify({ status: 'wrong', reason: String(error).split('\n')[0] }));
}
