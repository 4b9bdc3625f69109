// What the page knows, and small words about it.

import { summary } from "./card.js";
import { fill, words } from "./words.js";

export const $ = (id) => document.getElementById(id);
export const query = new URLSearchParams(location.search);
export const state = { seq: -1, app: "", users: [], chats: [], messages: new Map(), user: query.get("user") || "", chat: query.get("chat") || "", language: query.get("lang") || "", replyTo: "", mine: new Map(), drawn: new Map(), read: {} };
export const say = (key, values = {}) => fill(words[state.language]?.[key] ?? words.en_us[key], { app: state.app, ...values });
export const me = () => state.users.find((u) => u.open_id === state.user || u.name === state.user);
export const chatNow = () => state.chats.find((c) => c.chat_id === state.chat);
const two = (n) => String(n).padStart(2, "0");

export function clock(time, seconds) {
  const at = new Date(time);
  return `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? ":" + two(at.getSeconds()) : ""}`;
}

export function day(time) {
  return new Date(time).toLocaleDateString(state.language === "zh_cn" ? "zh-CN" : "en-GB", { weekday: "short", year: "numeric", month: "short", day: "numeric" });
}

export function preview(m) {
  if (m.recalled) return say("recalled");
  const content = parse(m.content);
  if (m.type === "interactive") return summary(content, state.language);
  if (m.type === "text") return String(content.text || "");
  return `[${m.type}]`;
}

export function parse(text) {
  try {
    return JSON.parse(text) || {};
  } catch {
    return {};
  }
}
