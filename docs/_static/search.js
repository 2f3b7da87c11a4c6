// Search of operations and guides: every word must be found, in any spelling of it.
"use strict";

(() => {
  const { fields, operations, sections } = window.searchIndex;
  const input = document.getElementById("search-words");
  const list = document.getElementById("search-found");
  const count = document.getElementById("search-count");
  const SHOWN = 50;

  // control_orders, control-orders and controlOrders are one; so are v3->pay, v3.pay and v3/pay.
  const folded = (text) =>
    text.toLowerCase().replace(/->|\./g, "/").replace(/[-_]/g, "").replace(/^\/+|\/+$/g, "");

  // refunds, too, means refund.
  const stem = (word) => (/^[a-z]{4,}s$/.test(word) && !word.endsWith("ss") ? word.slice(0, -1) : word);

  const plainFields = fields.map(folded);
  const entries = operations.map(([name, call, address, numbers]) => ({
    name, call, address, numbers,
    plainName: folded(name), plainCall: folded(call), segments: folded(call).split(/[ /]/).map(stem),
  }));
  const guides = sections.map(([address, page, title, text]) => ({
    address, page, title, text, plainTitle: folded(title), plainText: folded(text),
  }));

  // Chinese has no blanks: 退款查询 that stands nowhere means 退款 and 查询.
  const divided = (word) => {
    if (!/^\p{Script=Han}{3,}$/u.test(word)) return [word];
    if (known(word)) return [word];
    if (Intl.Segmenter) {
      const parts = new Intl.Segmenter("zh", { granularity: "word" }).segment(word);
      return Array.from(parts, (part) => part.segment);
    }
    return Array.from({ length: word.length - 1 }, (_, start) => word.slice(start, start + 2));
  };
  const known = (word) =>
    entries.some((one) => one.plainName.includes(word)) ||
    guides.some((one) => one.plainText.includes(word) || one.plainTitle.includes(word));

  const rankOfEntry = (one, word, hits) => {
    if (one.plainName === word) return 100;
    if (one.plainName.includes(word)) return 60 - one.name.length / 10;
    const equal = one.segments.filter((segment) => segment === word).length;
    if (equal) return 45 + 3 * equal + (one.segments.at(-1) === word ? 5 : 0);
    if (one.plainCall.includes(word)) return 40;
    const field = one.numbers.find((number) => hits.equal.has(number));
    if (field !== undefined) return (one.field = fields[field]), 20;
    const like = one.numbers.find((number) => hits.like.has(number));
    if (like !== undefined) return (one.field = fields[like]), 10;
    return 0;
  };
  const rankOfGuide = (one, word) => {
    if (one.plainTitle.includes(word)) return 58;
    return one.plainText.includes(word) ? 15 : 0;
  };

  // Of a call that was copied from a program, what names the operation is left.
  const wordsOf = (query) =>
    query
      .replace(/(?:->|\.)(?:get|post|put|patch|delete)(?:_?async)?(?=\W*$)/i, " ")
      .replace(/(?<=^|\W)(?:await\s+)?(?:client|instance|chain)(?=\W+(?:chain\W+)?v[23]\b)/g, " ")
      .split(/[\s$'"[\](){}?…]+/);

  const find = (query) => {
    const plain = wordsOf(query).map(folded);
    const words = plain.filter(Boolean).flatMap(divided).map(stem);
    if (!words.length) return [];
    const found = new Map([...entries, ...guides].map((one) => [one, 0]));
    for (const word of words) {
      const hits = { equal: new Set(), like: new Set() };
      plainFields.forEach((name, number) => {
        if (name === word) hits.equal.add(number);
        else if (name.includes(word)) hits.like.add(number);
      });
      for (const [one, rank] of found) {
        if (rank === 0) delete one.field;
        const added = one.call ? rankOfEntry(one, word, hits) : rankOfGuide(one, word);
        if (added) found.set(one, rank + added);
        else found.delete(one);
      }
    }
    return [...found].sort((a, b) => b[1] - a[1]).map(([one]) => one);
  };

  const element = (kind, text, name) => {
    const made = document.createElement(kind);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const around = (text, query) => {
    const start = Math.max(0, text.toLowerCase().indexOf(query.toLowerCase()) - 40);
    return (start ? "… " : "") + text.slice(start, start + 160) + (text.length > start + 160 ? " …" : "");
  };
  const item = (one, query) => {
    const made = document.createElement("li");
    const link = element("a", one.call ? one.name : one.title);
    link.href = one.address;
    made.append(link);
    if (one.call) made.append(element("code", one.call));
    if (one.call && one.field) made.append(element("p", `field 字段 ${one.field}`));
    if (!one.call) made.append(element("code", one.page), element("p", around(one.text, query)));
    return made;
  };

  const show = (query, all) => {
    const found = find(query);
    const shown = all ? found : found.slice(0, SHOWN);
    list.replaceChildren(...shown.map((one) => item(one, query.trim())));
    count.textContent = query.trim() ? `${found.length} found` : "";
    if (shown.length < found.length) {
      const more = element("button", `all ${found.length} 全部`);
      more.addEventListener("click", () => show(query, true));
      count.append(" ", more);
    }
  };

  input.addEventListener("input", () => {
    const address = new URL(location.href);
    address.search = input.value ? `?q=${encodeURIComponent(input.value)}` : "";
    history.replaceState(null, "", address);
    show(input.value);
  });
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  show(input.value);
})();
