/**
 * Where a sparse file has data. A memory dump of hundreds of gigabytes may be mostly holes, and Node has no
 * lseek to ask for them; perl has, and is on nearly every Linux. Where it is not, the holes are read as zeros.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import type { Extent } from '../memory/index.js';

/** Below this size a file is read faster than anything is started. */
const WORTHWHILE = 2 ** 30;
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 64 << 20;

// Linux's SEEK_DATA is 3 and SEEK_HOLE 4.
const SCRIPT = `
open(my $file, '<', $ARGV[0]) or exit 1;
my $at = 0;
while (defined(my $data = sysseek($file, $at, 3))) {
  $data += 0;
  my $hole = sysseek($file, $data, 4);
  exit 1 unless defined $hole;
  print $data, ' ', $hole + 0, "\\n";
  $at = $hole;
}
`;

/**
 * The ranges of a file that are stored, in ascending order; undefined where that cannot be told, or is of no
 * use because the file is small or has few holes.
 */
export function fileExtents(path: string, worthwhile = WORTHWHILE): Extent[] | undefined {
  if (process.platform !== 'linux') return undefined;
  const { size, blocks } = fs.statSync(path);
  // Blocks of stat are 512 bytes.
  if (size < worthwhile || blocks * 512 > size / 2) return undefined;
  const { status, stdout } = spawnSync('perl', ['-e', SCRIPT, '--', path], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (status !== 0) return undefined;
  const extents: Extent[] = [];
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [from, to] = line.split(' ').map(Number);
    if (from === undefined || to === undefined || !Number.isSafeInteger(from) || !(to > from))
      return undefined;
    extents.push({ offset: from, length: to - from });
  }
  return extents;
}
