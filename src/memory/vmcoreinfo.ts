/** VMCOREINFO: the text in which a Linux kernel describes itself to whoever reads its dump. */

export interface Vmcoreinfo {
  /** The text as it stands in the dump, bytes that are not UTF-8 replaced. */
  readonly text: string;
  /** Lines by what stands before the `=`; of several the last. */
  readonly entries: ReadonlyMap<string, string>;
  readonly release: string | undefined;
  /** In bytes; undefined if it is not there or no power of two that a page can have. */
  readonly pageSize: number | undefined;
  /** How far the kernel was moved from where it was linked. */
  readonly kernelOffset: bigint | undefined;
  /** What `NUMBER(name)` says: signed decimal, or hexadecimal with `0x`. */
  number(name: string): bigint | undefined;
  /** What `SYMBOL(name)` says: an address. */
  symbol(name: string): bigint | undefined;
}

/** Reads the text of the note. Never fails: what is not a line of it is left in `text`. */
export function parseVmcoreinfo(bytes: Uint8Array): Vmcoreinfo {
  const text = utf8(bytes);
  const entries = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) entries.set(line.slice(0, at), line.slice(at + 1).replace(/\0+$/, ''));
  }
  const page = entries.get('PAGESIZE') ?? '';
  const pageSize = /^\d{1,9}$/.test(page) ? Number(page) : 0;
  return {
    text,
    entries,
    release: entries.get('OSRELEASE'),
    pageSize:
      pageSize >= 512 && pageSize <= 1 << 20 && (pageSize & (pageSize - 1)) === 0 ? pageSize : undefined,
    kernelOffset: hexOf(entries.get('KERNELOFFSET')),
    number(name) {
      const value = entries.get(`NUMBER(${name})`);
      if (value === undefined) return undefined;
      if (/^-?\d{1,20}$/.test(value)) return BigInt(value);
      return /^0x[0-9a-f]{1,16}$/i.test(value) ? BigInt(value) : undefined;
    },
    symbol: (name) => hexOf(entries.get(`SYMBOL(${name})`)),
  };
}

function hexOf(value: string | undefined): bigint | undefined {
  return value !== undefined && /^[0-9a-f]{1,16}$/i.test(value) ? BigInt(`0x${value}`) : undefined;
}

/** The text is ASCII; anything else is shown as U+FFFD, without the host's TextDecoder. */
function utf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; from += 4096)
    parts.push(
      String.fromCharCode(...Array.from(bytes.subarray(from, from + 4096), (b) => (b < 0x80 ? b : 0xfffd))),
    );
  return parts.join('');
}
