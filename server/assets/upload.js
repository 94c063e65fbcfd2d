// Sends a photo. XMLHttpRequest, because fetch does not report how much was sent.

import { csrf } from "./csrf.js";

/** What the server, or the way to it, has to say against the photo. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

/**
 * Posts `file` with `parameters`; resolves to the answer (text, or a Blob for `accept` "image/jpeg").
 * `sent` is called with the fraction of bytes sent, 0 to 1. `signal` aborts.
 */
export function recognize(file, parameters, { accept = "application/json", sent = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams(parameters).toString();
    request.open("POST", `/v2/recognize${query ? `?${query}` : ""}`);
    request.setRequestHeader("accept", accept);
    for (const [name, value] of Object.entries(csrf())) request.setRequestHeader(name, value);
    request.responseType = accept === "application/json" ? "text" : "blob";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && sent(event.loaded / event.total));
    request.upload.addEventListener("load", () => sent(1));
    request.addEventListener("load", async () => {
      if (request.status === 200) return resolve(request.response);
      const text = typeof request.response === "string" ? request.response : await request.response.text();
      reject(new Refused(understand(text, request)));
    });
    request.addEventListener("error", () => reject(new Refused({
      title: "The server cannot be reached",
      detail: "The connection broke before an answer came. Check that the server runs, then try again.",
    })));
    request.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("image", file, file.name ?? "photo");
    request.send(form);
  });
}

function understand(text, request) {
  try {
    const problem = JSON.parse(text);
    if (typeof problem.title === "string") return problem;
  } catch { /* not ours: a proxy's page, say */ }
  return {
    title: `The server answered ${request.status}`,
    detail: "Something between this page and the server refused the photo. Try again, or ask who runs the server.",
    request_id: request.getResponseHeader("x-request-id"),
  };
}
