// Keys that belong to an input method, such as the Enter that accepts its suggestion, are no commands to the page.

// Safari ends the composition before it reports the last key, whose code still says that an input method took it.
export const isComposing = ({ isComposing, keyCode }) => isComposing || keyCode === 229;
