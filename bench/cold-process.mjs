/**
 * One fresh process: import a library, build a schema, decode one record.
 * Prints the time from before the import to the decoded record; the record is checked afterwards.
 */
const [file, task] = process.argv.slice(2);

// The bytes come first: making them is no contender's work.
const bytes = Buffer.alloc(48);
const expected = [1, 0x80000001, 0x00ff, 2, 0x1122334455n, 0x123456000n, 0x223456000n, 0x323456000n];
let at = 0;
for (const value of expected) {
  at = typeof value === 'bigint' ? bytes.writeBigUInt64LE(value, at) : bytes.writeUInt32LE(value, at);
}

const start = performance.now();
try {
  const { tasks } = await import(`./contenders/${file}.mjs`);
  const record = await tasks[task](bytes);
  const ns = (performance.now() - start) * 1e6;
  const found = [
    'ref_count',
    'flags',
    'devid',
    'pci_domain_nr',
    'token',
    'domain_phys',
    'iommu_phys',
    'pasid_table',
  ].map((name) => record[name]);
  const right = found.every((value, i) => BigInt(value) === BigInt(expected[i]));
  console.log(JSON.stringify(right ? { status: 'ok', ns } : { status: 'wrong', reason: `decoded ${found}` }));
} catch (error) {
  const absent = /** @type {any} */ (error).code === 'ERR_MODULE_NOT_FOUND';
  console.log(
    JSON.stringify({
      status: absent ? 'absent' : 'wrong',
      reason: absent ? 'its module is not there' : String(error).split('\n')[0],
    }),
  );
}
