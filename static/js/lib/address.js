// What the browser shows of a job outside the page: the address, which is the share link, and the title.

export function jobInAddress() {
  return new URL(location.href).searchParams.get("job");
}

/** Put a job into the address, or null to take it out; no new entry in the history. */
export function showAddress(jobId) {
  const address = new URL(location.href);
  if (jobId) address.searchParams.set("job", jobId);
  else address.searchParams.delete("job");
  history.replaceState(null, "", address);
}

/** Take a parameter out of the address for good and give its value. */
export function takeFromAddress(name) {
  const address = new URL(location.href);
  const value = address.searchParams.get(name);
  if (value === null) return null;
  address.searchParams.delete(name);
  history.replaceState(null, "", address);
  return value;
}

export function showTitle(job) {
  const done = job?.total_steps ? Math.floor((100 * job.step) / job.total_steps) : 0;
  document.title = job?.status === "running" && done ? `${done} % · duostyle` : "duostyle";
}
