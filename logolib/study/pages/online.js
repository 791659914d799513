"use strict";
// Answers go to the server; a vote that was sent twice counts once.

async function ask(path, sent) {
  const options = sent === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(sent),
  };
  const answer = await fetch(path, options);
  if (answer.status >= 500) throw new Error("the server cannot answer now");
  if (answer.status === 409) return ask("/api/next"); // answered in another window: go on from there
  if (!answer.ok) {
    const refusal = new Error("This vote was not accepted. Please open your link again.");
    refusal.final = true;
    throw refusal;
  }
  return answer.json();
}

runStudy({
  next: () => ask("/api/next"),
  vote: (vote) => ask("/api/vote", vote),
  source: (code) => "/p/" + code + ".png",
  finish: () => {},
});
