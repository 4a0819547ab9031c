// Imported by tour.ipynb.
export const volume = (radius) => (4 / 3) * Math.PI * radius ** 3;
