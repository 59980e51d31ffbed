// The field in which a profile's name is typed, wherever that is.
import { aliasForm } from "./copy";

/** Its attributes. `fault`: what is wrong with the name, and stands in the element `<id>-fault`. */
export function aliasInput(id: string, fault: string | null) {
  return {
    id,
    placeholder: aliasForm.placeholder,
    "aria-invalid": fault !== null,
    "aria-describedby": fault === null ? undefined : `${id}-fault`,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: false,
    maxlength: 64,
  } as const;
}
