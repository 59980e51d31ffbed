// Every word of the first-run sheet but the whole text, which is `docs/terms.md` as it stands. Owns wording only.

export const terms = {
  title: "Before you begin",
  lead: "Signalbox keeps copies of your own Claude Code logins on this computer, and puts the one you choose in place. It is not made, endorsed or supported by Anthropic.",
  points: [
    {
      name: "It may be against Anthropic’s terms.",
      text: "They say that developers may not “collect, store, or intermediate” such logins. A tool that keeps copies of yours may be seen as doing that.",
    },
    {
      name: "Getting past a usage limit may conflict with your plan.",
      text: "We found no page that allows it, and limits assume ordinary, individual usage.",
    },
    {
      name: "The risk is your account’s.",
      text: "Anthropic says that it may act without notice.",
    },
  ],
  instead: "What Anthropic documents is one",
  insteadEach: "for each account. Prefer that where you can.",
  whole: "The whole text",
  legal: "Anthropic’s page",
  online: "This text online",
  until: "Until you agree, Signalbox touches no login.",
  quit: "Quit",
  agree: "I understand",
  agreeing: "One moment…",
} as const;

/** The pages that the sheet itself names. The shell opens no others than those it lists (`terms.rs`). */
export const pages = {
  legal: "https://code.claude.com/docs/en/legal-and-compliance",
  online: "https://github.com/signalbox-app/signalbox/blob/main/docs/terms.md",
} as const;
