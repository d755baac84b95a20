// What programs have in common: they get tasks as JSON, and print a line of JSON for each.
export async function eachTask(ranked) {
  for (const task of JSON.parse(process.argv[2])) {
    const said = await ranked(task).then(
      (found) => ({ ranked: found }),
      (error) => ({ raised: `${error.constructor.name}: ${error.message}` }),
    );
    console.log(JSON.stringify(said));
  }
}
