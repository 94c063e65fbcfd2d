// What a change comes with, when somebody has signed in: pages of other sites cannot read it.

export function csrf() {
  const found = document.cookie.match(/(?:^|; )shelf_csrf=([0-9a-f]{64})/);
  return found ? { "x-csrf-token": found[1] } : {};
}
