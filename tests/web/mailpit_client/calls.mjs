// What a program written for Mailpit does with the package mailpit-api, unmodified, against our server:
// node calls.mjs FOLDER_WITH_THE_PACKAGE ADDRESS. Prints the names of the calls; fails at the first that is not right.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [folder, address] = process.argv.slice(2);
const { MailpitClient } = createRequire(`${folder}/`)("mailpit-api");
const mailpit = new MailpitClient(address);
const done = [];
const call = async (name, ...given) => {
  const found = await mailpit[name](...given);
  done.push(name);
  return found;
};

assert.equal(await call("deleteMessages"), "ok");

const sent = await call("sendMessage", {
  From: { Email: "shop@shop.example", Name: "Shop" },
  To: [{ Email: "you@home.test", Name: "You" }],
  Cc: [{ Email: "third@home.test" }],
  Bcc: ["hidden@home.test"],
  Subject: "Grüße",
  Text: "Hello you",
  HTML: '<p>Hello <b>you</b> <img src="cid:logo"></p>',
  Tags: ["Spring"],
  Headers: { "X-Campaign": "7" },
  Attachments: [
    { Filename: "a.txt", Content: btoa("attached"), ContentType: "text/plain" },
    { Filename: "logo.png", Content: btoa("png"), ContentType: "image/png", ContentID: "logo" },
  ],
});
const second = await call("sendMessage", {
  From: { Email: "other@shop.example" }, To: [{ Email: "you@home.test" }], Subject: "Second", Text: "Another",
});

const list = await call("listMessages", 0, 10);
assert.deepEqual(list.messages.map((each) => each.ID), [second.ID, sent.ID]);
assert.equal(list.total, 2);
assert.equal(list.unread, 2);
assert.equal(list.messages_count, 2);
assert.equal(list.messages_unread, 2);
const [, summary] = list.messages;
assert.deepEqual(summary.From, { Name: "Shop", Address: "shop@shop.example" });
assert.deepEqual(summary.To, [{ Name: "You", Address: "you@home.test" }]);
assert.deepEqual(summary.Bcc, [{ Name: "", Address: "hidden@home.test" }]);
assert.equal(summary.Read, false);
assert.equal(summary.Attachments, 1);
assert.ok(!Number.isNaN(Date.parse(summary.Created)));

const message = await call("getMessageSummary", sent.ID);
assert.equal(message.Subject, "Grüße");
assert.equal(message.Text.trim(), "Hello you");
assert.match(message.HTML, /<b>you<\/b>/);
assert.deepEqual(message.Tags, ["Spring"]);
assert.equal(message.Attachments[0].FileName, "a.txt");
assert.equal((await mailpit.getMessageSummary()).ID, second.ID);
assert.equal((await mailpit.listMessages()).unread, 0);

const headers = await call("getMessageHeaders", sent.ID);
assert.deepEqual(headers["X-Campaign"], ["7"]);
assert.match(await call("getMessageSource", sent.ID), /^X-Campaign: 7\r?$/m);
const attachment = await call("getMessageAttachment", sent.ID, message.Attachments[0].PartID);
assert.equal(await attachment.text(), "attached");
assert.ok(await call("getAttachmentThumbnail", sent.ID, message.Inline[0].PartID));
assert.match(await call("renderMessageHTML", sent.ID), /data:image\/png;base64,/);
assert.match(await call("renderMessageText", sent.ID), /Hello you/);

const found = await call("searchMessages", { query: 'subject:"second" -from:shop@', limit: 5 });
assert.deepEqual(found.messages.map((each) => each.ID), [second.ID]);

assert.equal(await call("setReadStatus", { IDs: [second.ID], Read: false }), "ok");
assert.equal((await mailpit.searchMessages({ query: "is:unread" })).messages_count, 1);

assert.equal(await call("setTags", { IDs: [second.ID], Tags: ["Late", "Spring"] }), "ok");
assert.deepEqual(await call("getTags"), ["Late", "Spring"]);
assert.equal(await call("renameTag", "Late", "Last"), "ok");
assert.equal(await call("deleteTag", "Spring"), "ok");
assert.deepEqual(await mailpit.getTags(), ["Last"]);

const off = { ErrorCode: 451, Probability: 0 };
const chaos = await call("setChaosTriggers", { Sender: { ErrorCode: 450, Probability: 100 } });
assert.deepEqual(chaos, { Sender: { ErrorCode: 450, Probability: 100 }, Recipient: off, Authentication: { ErrorCode: 535, Probability: 0 } });
assert.deepEqual(await call("getChaosTriggers"), chaos);
await assert.rejects(mailpit.sendMessage({ From: { Email: "a@b.test" }, To: [{ Email: "c@d.test" }] }), /400.*450/s);
await mailpit.setChaosTriggers({});

const info = await call("getInfo");
assert.equal(info.Messages, 2);
assert.equal(info.Unread, 1);
assert.equal((await call("getConfiguration")).MessageRelay.Enabled, false);
for (const name of ["htmlCheck", "linkCheck", "spamAssassinCheck"]) await assert.rejects(mailpit[name](sent.ID), /501/);
await assert.rejects(mailpit.releaseMessage(sent.ID, { To: ["a@b.test"] }), /501/);
await assert.rejects(mailpit.getMessageSummary("nothing"), /404/);

assert.equal(await call("deleteMessagesBySearch", { query: "subject:second" }), "ok");
assert.equal(await call("deleteMessages", { IDs: [sent.ID] }), "ok");
assert.equal((await mailpit.listMessages()).total, 0);
console.log(done.join(" "));
