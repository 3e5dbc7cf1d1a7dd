/** KVM's ioctls for guest_memfd: their structs, and what the kernel answers. */
export * from './check.js';
export * from './schema.js';
export * from './vm-types.js';
