/** guest_memfds that are preserved as files: `guest_memfd_luo_v1`. */
export { checkGuestMemfds } from './check.js';
export { followGuestMemfd, type GuestMemfdValue, guestMemfdHandler } from './follow.js';
export { GUEST_MEMFD } from './rules.js';
export * from './schema.js';
