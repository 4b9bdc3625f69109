// Everything the page itself says, in both languages.

export const words = {
  en_us: {
    chats: "Chats", people: "You are", language: "Language", send: "Send", write: "Write to {chat}", mention: "Mention {app}",
    replyTo: "Replying to", cancel: "Cancel", confirm: "Confirm", reply: "Reply", forward: "Forward", forwardTo: "Forward to",
    updated: "Updated {time}", version: "version {n}", recalled: "This message was recalled", onlyYou: "Only visible to you", forwarded: "Forwarded", pinned: "Pinned",
    urgent: "Buzzed {names}", replies: "{n} replies", oneReply: "1 reply", unread: "{n} unread", newBelow: "New messages", cardChanged: "A card was updated", show: "Show",
    working: "Handling a click…", sending: "Sending your click…", connected: "Live", lost: "Connection lost. Trying again…", empty: "No messages yet",
    everyone: "everyone", notDrawn: "Not drawn here", required: "Required", choose: "Please choose", previousPage: "Previous page", nextPage: "Next page",
    threshold: "threshold", latest: "latest", highest: "highest", series: "value", bot: "Bot", noChats: "{name} is in no chat",
    clickFailed: "The click failed", draftHint: "Enter sends, Shift and Enter starts a new line",
    codes: {
      200340: "the app has no callback URL", 200341: "the app did not answer within 3 seconds", 200342: "the app could not be reached",
      200343: "the app's host name is unknown", 200671: "the app did not answer with 200", 200672: "the app's answer is malformed",
      200673: "the card in the answer is invalid", 200830: "a 2.0 card cannot become a 1.0 card",
    },
    refused: {
      nobody: "Nobody of that name", not_there: "You are not in this chat", no_button: "The button is gone", disabled: "The button is disabled",
      forwarded: "A forwarded card does not take clicks", no_forward: "This card may not be forwarded", required: "A required field is empty",
      too_old: "The card is older than 14 days", recalled: "The message was recalled", other: "That did not work",
    },
  },
  zh_cn: {
    chats: "会话", people: "当前身份", language: "语言", send: "发送", write: "发送给 {chat}", mention: "@{app}",
    replyTo: "回复", cancel: "取消", confirm: "确认", reply: "回复", forward: "转发", forwardTo: "转发到",
    updated: "更新于 {time}", version: "第 {n} 版", recalled: "此消息已撤回", onlyYou: "仅你可见", forwarded: "转发", pinned: "置顶",
    urgent: "已加急 {names}", replies: "{n} 条回复", oneReply: "1 条回复", unread: "{n} 条未读", newBelow: "有新消息", cardChanged: "有卡片更新", show: "查看",
    working: "正在处理点击…", sending: "正在提交…", connected: "已连接", lost: "连接已断开，正在重连…", empty: "暂无消息",
    everyone: "所有人", notDrawn: "此处不支持展示", required: "此项必填", choose: "请选择", previousPage: "上一页", nextPage: "下一页",
    threshold: "阈值", latest: "最新", highest: "最高", series: "数值", bot: "机器人", noChats: "{name} 不在任何会话中",
    clickFailed: "操作失败", draftHint: "按 Enter 发送，Shift + Enter 换行",
    codes: {
      200340: "应用未配置回调地址", 200341: "应用未在 3 秒内响应", 200342: "无法连接应用", 200343: "应用域名无法解析", 200671: "应用返回的状态码不是 200",
      200672: "应用返回的内容格式错误", 200673: "应用返回的卡片无效", 200830: "2.0 卡片不能更新为 1.0 卡片",
    },
    refused: {
      nobody: "没有这个人", not_there: "你不在该会话中", no_button: "按钮已不存在", disabled: "按钮不可用", forwarded: "转发的卡片不支持点击",
      no_forward: "该卡片不允许转发", required: "有必填项未填写", too_old: "卡片已超过 14 天", recalled: "消息已撤回", other: "操作未成功",
    },
  },
};

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}
