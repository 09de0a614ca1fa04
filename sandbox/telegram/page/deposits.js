/** Finds where to send to: an address, a tag and a link in what was said, copied or opened. */

// One in 64 addresses of TON ends with a hyphen, after which there is no border of a word.
const ADDRESS = /(?<![\w-])(?:[UEk0][Qf][A-Za-z0-9_-]{46}|-?[01]:[0-9a-fA-F]{64}|0x[0-9a-fA-F]{40}|bc(?:rt)?1[a-z0-9]{20,80})(?![\w-])/;
const TON = /^(?:[UEk0][Qf]|-?[01]:)/;
const TAG = /^[0-9A-HJKMNP-TV-Z]{8}$/;

/** Whose address this looks like: "ton", "ethereum", "bitcoin" or null. */
export function chainOf(address) {
  if (!ADDRESS.test(address)) return null;
  if (TON.test(address)) return "ton";
  return address.startsWith("0x") ? "ethereum" : "bitcoin";
}

/** Which wallet pays there; `dollars` decides on TON, where one address takes coins and dollars. */
function railOf(address, dollars) {
  const chain = chainOf(address);
  if (chain === "ton") return dollars ? "usdt_ton" : "ton";
  return { ethereum: "usdt_eth", bitcoin: "btc" }[chain] ?? null;
}

/**
 * What a link asks to be paid: ton://transfer/ADDRESS?jetton=MASTER&amount=UNITS&text=TAG and https
 * forms of it, ethereum:TOKEN@CHAIN/transfer?address=ADDRESS&uint256=UNITS (EIP-681), bitcoin:ADDRESS
 * (BIP-21, whose amounts are in coins and not read).
 */
export function readLink(link) {
  let url;
  try {
    url = new URL(link);
  } catch {
    return null;
  }
  const query = url.searchParams;
  const path = decodeURIComponent(`${url.host} ${url.pathname}`);
  if (url.protocol === "ethereum:") {
    const to = ADDRESS.exec(query.get("address") ?? path)?.[0];
    return to ? { to, rail: "usdt_eth", comment: "", units: query.get("uint256") } : null;
  }
  const to = ADDRESS.exec(path)?.[0];
  if (!to) return null;
  if (url.protocol === "bitcoin:") return { to, rail: "btc", comment: "" };
  if (url.protocol !== "ton:" && !/transfer/.test(url.pathname)) return null;
  const rail = query.has("jetton") ? "usdt_ton" : "ton";
  return { to, rail, comment: query.get("text") ?? "", units: query.get("amount") };
}

/** What a message offers: the address it names, and the tag that stands apart as code. */
export function readMessage(message) {
  const text = message.text ?? message.caption ?? "";
  const entities = message.entities ?? message.caption_entities ?? [];
  for (const entity of entities) {
    const link = entity.type === "text_link" ? entity.url
      : entity.type === "url" ? text.slice(entity.offset, entity.offset + entity.length) : null;
    const found = link && readLink(link);
    if (found) return found;
  }
  const buttons = (message.reply_markup?.inline_keyboard ?? []).flat();
  for (const button of buttons) {
    const found = button.url && readLink(button.url);
    if (found) return found;
  }
  const words = entities.filter((one) => one.type === "code" || one.type === "pre")
    .map((one) => text.slice(one.offset, one.offset + one.length).trim());
  words.push(...buttons.map((one) => one.copy_text?.text).filter(Boolean));
  const to = words.map((word) => ADDRESS.exec(word)?.[0]).find(Boolean) ?? ADDRESS.exec(text)?.[0];
  const comment = words.find((word) => TAG.test(word)) ?? "";
  // On TON money without its tag is nobody's: such an address is not offered, it may be anyone's.
  return to && (comment || !TON.test(to)) ? { to, rail: railOf(to, text.includes("USDT")), comment } : null;
}

/** What was copied or pasted: an address, a tag, a link, or several of them at once. */
export function readText(text) {
  const link = readLink(text.trim());
  if (link) return link;
  const to = ADDRESS.exec(text)?.[0];
  const comment = text.split(/[\s,;]+/).find((word) => TAG.test(word));
  return to || comment ? { to, comment, rail: to && chainOf(to) !== "ton" ? railOf(to) : undefined } : null;
}
